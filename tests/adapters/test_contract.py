"""The contract's pieces: signatures, the order of inputs, fresh instances."""

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.contract import (
    accepts_inputs,
    fresh_layer,
    order_by_signature,
    parameter_names,
    passes_of,
    unpacked,
)


class Counts:
    def __init__(self):
        self.calls = []


class Refuses:
    def __deepcopy__(self, memo):
        raise TypeError("one of a kind")


class CopiesOnce:
    """A copy of it cannot be copied again."""

    def __init__(self, copied=False):
        self.copied = copied

    def __deepcopy__(self, memo):
        if self.copied:
            raise TypeError("a copy is not copied")
        return CopiesOnce(copied=True)


def test_fresh_instances_share_no_state_with_the_caller_or_each_other():
    layer = Counts()
    make, isolated = fresh_layer(layer, None)
    one, other = make(), make()
    one.calls.append(1)
    assert isolated
    assert layer.calls == other.calls == []


def test_later_changes_of_the_callers_object_are_not_seen():
    layer = Counts()
    make, _ = fresh_layer(layer, None)
    layer.calls.append(1)
    assert make().calls == []


@pytest.mark.parametrize("layer", [Refuses(), CopiesOnce()], ids=lambda layer: type(layer).__name__)
def test_a_layer_that_cannot_be_copied_is_used_itself_and_not_isolated(layer):
    make, isolated = fresh_layer(layer, None)
    assert make() is layer
    assert not isolated


def test_a_factory_is_isolated_whatever_the_layer():
    make, isolated = fresh_layer(Refuses(), Counts)
    assert isinstance(make(), Counts)
    assert isolated


NAMES = {
    "function": (lambda x, weight: x, ("x", "weight")),
    "keyword only": (lambda x, *, stride=1: x, ("x",)),
    "any number": (lambda *inputs: inputs, ()),
    "no signature": (max, ()),
    "method": (Refuses().__deepcopy__, ("memo",)),
}


@pytest.mark.parametrize(("forward", "names"), NAMES.values(), ids=NAMES)
def test_reads_the_names_of_forwards_parameters(forward, names):
    assert parameter_names(forward) == names


ACCEPTS = {
    "grad and inputs": (lambda grad_output, x, w: 0, True),
    "other names": (lambda g, a, b: 0, True),
    "any number": (lambda *everything: 0, True),
    "grad alone": (lambda g: 0, False),
    "too few": (lambda g, x: 0, False),
    "too many": (lambda g, x, w, more: 0, False),
    "a default beyond": (lambda g, x, w, scale=1: 0, True),
    "nothing": (lambda: 0, False),
    "a learning rate": (lambda g, x, lr: 0, False),
    "a required option": (lambda g, x, w, *, mode: 0, False),
}


@pytest.mark.parametrize(("backward", "wanted"), ACCEPTS.values(), ids=ACCEPTS)
def test_tells_whether_backward_takes_the_inputs(backward, wanted):
    assert accepts_inputs(backward, ("x", "w")) is wanted


@pytest.mark.parametrize("names", [("x", "g", "b"), ("g", "x", "b"), ("data", "grad", "grad_output")], ids=str)
def test_inputs_may_be_called_what_they_like_where_both_passes_name_them_alike(names):
    """A gain called g is no gradient, though backward calls the gradient so."""

    def forward(x, gain, bias):
        return x * gain + bias

    def backward(g, x, gain, bias):
        return g * gain, (g * x).sum(axis=0), g.sum(axis=0)

    rng = np.random.default_rng(2)
    inputs = dict(zip(names, map(rng.standard_normal, [(4, 3), 3, 3]), strict=True))
    layer = type("Affine", (), {"forward": staticmethod(forward), "backward": staticmethod(backward)})()
    for one in ((forward, backward), layer):
        report = check(one, inputs)
        assert (report.verdict, report.findings) == (Verdict.AGREES, ()), str(report)


def test_named_inputs_go_to_forward_in_its_own_order():
    assert list(order_by_signature({"w": 1, "x": 2}, ("x", "w"))) == ["x", "w"]


def test_names_that_forward_does_not_know_keep_the_callers_order():
    assert list(order_by_signature({"w": 1, "q": 2}, ("x", "w"))) == ["w", "q"]


def test_one_output_hands_backward_an_array_and_several_a_tuple():
    one, other = np.ones(2), np.ones(3)
    assert unpacked((one,)) is one
    assert unpacked((one, other)) == (one, other)


def test_passes_hand_inputs_over_by_position():
    passes = passes_of(lambda a, b: a - b, lambda g, a, b: (g, -g))
    inputs = {"first": np.array([5.0]), "second": np.array([3.0])}
    assert passes.forward(inputs).tolist() == [2.0]
    claims = passes.backward((np.array([1.0]),), inputs)
    assert {name: value.tolist() for name, value in claims.items()} == {"first": [1.0], "second": [-1.0]}


class CopiesToNothing:
    def __deepcopy__(self, memo):
        return None

    def forward(self, x):
        return x * x

    def backward(self, grad_output, x):
        return 2 * grad_output * x


def test_a_layer_that_copies_to_something_else_is_used_itself():
    report = check(CopiesToNothing(), {"x": np.array([1.0, 2.0])})
    assert report.verdict is Verdict.AGREES
    assert [f.code for f in report.findings] == ["state-not-isolated"]
