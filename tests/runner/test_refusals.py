"""A refusal stands in the layer's own code; what NumPy or a slip raises is a failure."""

import pytest

from gradcheck.errors import InvalidInput
from gradcheck.layers import Conv
from gradcheck.runner.refusals import is_refusal

LAYER = """
import numpy as np

class TooSmall(Exception):
    pass

def asserts(x):
    assert (
        x.ndim == 4
    ), "must be 4-d"

def raises(x):
    if x.ndim != 4:
        raise TooSmall(
            f"must be 4-d, is {x.ndim}-d"
        )

def deeper(x):
    raises(x)

def slips(x):
    return x @ np.ones((7, 7))

def pads(x):
    return np.pad(x, -1)

def names(x):
    return y

def unfinished(x):
    raise NotImplementedError("stride")
"""


def error_of(call):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever comes is looked at
        call()
    return caught.value


@pytest.fixture(scope="module")
def functions(tmp_path_factory):
    path = tmp_path_factory.mktemp("refusals") / "refusing.py"
    path.write_text(LAYER)
    names = {"__name__": "refusing"}
    exec(compile(LAYER, str(path), "exec"), names)
    return names


@pytest.mark.parametrize(
    ("name", "stage", "refused"),
    [
        ("asserts", "forward", True),
        ("raises", "constructor", True),
        ("deeper", "forward", True),
        ("raises", "backward", False),
        ("unfinished", "backward", True),
        ("slips", "forward", False),
        ("pads", "forward", False),
        ("names", "forward", False),
        ("raises", "import", False),
    ],
)
def test_only_an_exception_raised_in_the_layers_own_words_is_a_refusal(functions, name, stage, refused):
    import numpy as np

    assert is_refusal(error_of(lambda: functions[name](np.ones((2, 3)))), stage) is refused


def test_a_layer_of_an_installed_package_may_refuse_too():
    import numpy as np

    error = error_of(lambda: Conv().forward(np.ones((1, 1, 2)), np.ones((1, 1, 3))))
    assert isinstance(error, InvalidInput)
    assert is_refusal(error, "forward", "gradcheck.layers")
    assert is_refusal(error, "forward", "built/on/ours.py")
    padding = error_of(lambda: np.pad(np.ones(3), -1))
    assert is_refusal(padding, "forward", "numpy.lib")
    assert not is_refusal(padding, "forward", "another.package")


def test_leaving_is_no_refusal():
    assert not is_refusal(SystemExit(1), "forward")
