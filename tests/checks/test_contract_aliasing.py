import numpy as np
import pytest

from gradcheck.checks.aliasing import shared
from gradcheck.verdict import Severity


def test_warns_of_grad_output_itself(look_at, x):
    seen = look_at((lambda x: x + 1.0, lambda g, _x: g), x=x)
    assert seen.codes == {"aliases-grad-output"}
    assert seen.findings[0].severity is Severity.WARNING
    assert "shares memory with grad_output" in seen.findings[0].sentence


@pytest.mark.parametrize(
    "view", [lambda g: g.T, lambda g: g[::-1], lambda g: g.reshape(4, 3)], ids=["transposed", "reversed", "reshaped"]
)
def test_warns_of_a_view_of_grad_output(look_at, x, view):
    assert (
        "aliases-grad-output"
        in look_at((lambda x: np.ascontiguousarray(_back(view, x)), lambda g, _x: view(g)), x=x).codes
    )


def _back(view, x):
    return x.reshape(4, 3) if view(np.zeros((3, 4))).shape == (4, 3) and x.shape == (3, 4) else x


def test_warns_of_one_array_for_two_arguments(look_at, x, y):
    def backward(g, _x, _y):
        both = g.copy()
        return both, both

    seen = look_at((np.add, backward), x=x, y=y)
    assert seen.codes == {"aliases-gradient"}
    assert seen.findings[0].evidence == {"other": "y"}


def test_warns_of_a_view_of_an_input(look_at, x, y):
    layer = (lambda x, y: np.asarray((x * y).sum()), lambda g, x, y: (y, x) if g == 1 else (g * y, g * x))
    half = (lambda x: 0.5 * np.sum(x * x), lambda g, x: np.multiply(g, x, out=x))
    assert "aliases-input" in look_at(half, x=x).codes
    assert "aliases-input" not in look_at(layer, x=x, y=y).codes


def test_accepts_gradients_with_memory_of_their_own(look_at, x, y):
    assert look_at((np.multiply, lambda g, x, y: (g * y, g * x)), x=x, y=y).findings == []


def test_accepts_neighbours_in_one_block_of_memory(look_at, x, y):
    def backward(g, x, y):
        room = np.empty((2, *x.shape))
        room[0] = g * y
        room[1] = g * x
        return room[0], room[1]

    assert look_at((np.multiply, backward), x=x, y=y).findings == []


def test_tells_interleaved_arrays_from_overlapping_ones():
    room = np.zeros(20)
    assert not shared(room[::2], room[1::2])
    assert shared(room[::2], room[2:5])
