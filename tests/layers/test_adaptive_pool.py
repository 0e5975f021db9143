"""Adaptive pools: which entries each window covers, and what its winner or its members get."""

import numpy as np
import pytest

from gradcheck.errors import InvalidInput
from gradcheck.layers import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, MaxPool
from gradcheck.layers.windows import adaptive_spans, even_kernel


def row(values):
    """Make a (1, 1, length) array of one row of numbers."""
    return np.array([[values]], float)


@pytest.mark.parametrize(
    ("size", "outputs", "spans"),
    [
        (6, 3, [(0, 2), (2, 4), (4, 6)]),
        (5, 3, [(0, 2), (1, 4), (3, 5)]),
        (2, 4, [(0, 1), (0, 1), (1, 2), (1, 2)]),
        (2, 3, [(0, 1), (0, 2), (1, 2)]),
        (7, 1, [(0, 7)]),
    ],
)
def test_window_i_covers_floor_to_ceil(size, outputs, spans):
    assert [(span.start, span.stop) for span in adaptive_spans((size,), outputs)[0]] == spans


# layer, input, output, grad_output, grad_input
ROWS = {
    "uneven maxima share an entry": (AdaptiveMaxPool(2), [1, 3, 2], [3, 3], [5, 7], [0, 12, 0]),
    "even maxima": (AdaptiveMaxPool(2), [1, 3, 4, 2], [3, 4], [5, 7], [0, 5, 7, 0]),
    "maxima, upwards": (AdaptiveMaxPool(4), [1, 2], [1, 1, 2, 2], [1, 2, 3, 4], [3, 7]),
    "first winner": (AdaptiveMaxPool(1), [2, 2, 2], [2], [6], [6, 0, 0]),
    "last winner": (AdaptiveMaxPool(1, ties="last"), [2, 2, 2], [2], [6], [0, 0, 6]),
    "equal shares": (AdaptiveMaxPool(1, ties="split"), [2, 2, 2], [2], [6], [2, 2, 2]),
    "NaN wins": (AdaptiveMaxPool(2), [9, np.nan, 2], [np.nan, np.nan], [5, 7], [0, 12, 0]),
    "uneven means share an entry": (AdaptiveAvgPool(2), [1, 3, 5], [2, 4], [4, 6], [2, 5, 3]),
    "even means": (AdaptiveAvgPool(2), [1, 3, 5, 9], [2, 7], [4, 6], [2, 2, 3, 3]),
    "means, upwards": (AdaptiveAvgPool(3), [2, 4], [2, 3, 4], [1, 4, 9], [3, 11]),
    "the mean of all": (AdaptiveAvgPool(1), [1, 3, 8], [4], [6], [2, 2, 2]),
}


@pytest.mark.parametrize(("layer", "x", "y", "delta", "gradient"), ROWS.values(), ids=ROWS)
def test_adaptive_pool_gives_the_answer_worked_out_by_hand(layer, x, y, delta, gradient):
    np.testing.assert_array_equal(layer.forward(row(x)), row(y))
    np.testing.assert_array_equal(layer.backward(row(delta), row(x)), row(gradient))


@pytest.mark.parametrize("ties", ["first", "last", "split"])
@pytest.mark.parametrize(("size", "outputs"), [((6, 4), (3, 2)), ((4, 8, 6), (1, 2, 2)), ((9,), (3,))])
def test_even_windows_are_those_of_the_ordinary_pools(size, outputs, ties):
    rng = np.random.default_rng(5)
    kernel_size = tuple(n // o for n, o in zip(size, outputs, strict=True))
    x, delta = rng.integers(0, 4, (2, 3, *size)).astype(float), rng.integers(-9, 9, (2, 3, *outputs)) * 24.0
    pairs = (
        (AdaptiveMaxPool(outputs, ties=ties), MaxPool(kernel_size, ties=ties)),
        (AdaptiveAvgPool(outputs), AvgPool(kernel_size)),
    )
    for adaptive, ordinary in pairs:
        np.testing.assert_array_equal(adaptive.forward(x), ordinary.forward(x))
        np.testing.assert_array_equal(adaptive.backward(delta, x), ordinary.backward(delta, x))


def test_the_ordinary_pool_is_used_only_for_even_windows_shorter_than_their_number():
    assert even_kernel((28, 28), 7) == (4, 4)
    assert even_kernel((28, 28), 5) is None
    assert even_kernel((28, 28), 1) is None


@pytest.mark.parametrize("layer", [AdaptiveMaxPool, AdaptiveAvgPool])
def test_output_sizes_that_cannot_be_are_refused(layer):
    with pytest.raises(InvalidInput, match=r"`output_size` must be an int of at least 1.* it is 0"):
        layer(0)
    with pytest.raises(InvalidInput, match=r"`output_size` must hold one int for each of the 1 spatial axes"):
        layer((2, 2)).forward(row([1, 2]))
