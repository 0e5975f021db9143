"""Which framework an object belongs to is told without importing any; an absent one is asked for by its extra."""

import sys
import types

import numpy as np
import pytest

from gradcheck import check
from gradcheck.adapters.frameworks import framework_of, must_be_constructed
from gradcheck.errors import MissingExtra
from gradcheck.subject import Passes, Subject

KIND = type("Function", (), {"__module__": "torch.autograd.function", "forward": len})
torch = types.ModuleType("torch")
torch.sin = np.sin
jnp = types.ModuleType("jax.numpy")
jnp.sin = np.sin


class Mine(KIND):
    pass


class Layer(type("Module", (), {"__module__": "torch.nn.modules.module"})):
    pass


def direct(x):
    return torch.sin(x)


def by_way_of_another(x):
    return [direct(y) for y in x]


def annotated(x: Mine):
    return x * x


def both(x):
    return torch.sin(jnp.sin(x))


def neither(x):
    return np.sin(x)


def enclosing():
    held = Mine()

    def inner(x):
        return held.apply(x)

    return inner


SEEN = {
    "a class": (Mine, "torch"),
    "an object": (Mine(), "torch"),
    "a function that names it": (direct, "torch"),
    "a function that calls one": (by_way_of_another, "torch"),
    "a nested function": (lambda x: [jnp.sin(y) for y in x], "jax"),
    "a closure": (enclosing(), "torch"),
    "an annotation": (annotated, "torch"),
    "two of them": (both, None),
    "none": (neither, None),
    "a pair": ((direct, direct), None),
    "a Subject": (Subject("s", {}, lambda: Passes(len, len), ()), None),
    "a number": (3, None),
}


@pytest.mark.parametrize(("layer", "framework"), SEEN.values(), ids=SEEN)
def test_tells_the_framework(layer, framework):
    assert framework_of(layer) == framework


def test_a_function_class_is_a_layer_and_a_module_class_is_not():
    assert [must_be_constructed(one) for one in (Mine, Mine(), Layer, Layer(), direct)] == [
        False,
        False,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("name", ["torch"])
def test_asks_for_the_extra_that_is_missing(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    layer = type("Layer", (), {"__module__": f"{name}.nn", "__call__": lambda self, x: x})()
    with pytest.raises(MissingExtra, match=rf'needs pip install "gradcheck\[{name}\]"'):
        check(layer, {"x": np.ones(3)})
