"""Linear and Flatten against answers worked out by hand."""

import numpy as np
import pytest

from gradcheck.errors import InvalidInput
from gradcheck.layers import Flatten, Linear

X = np.array([[1.0, 2.0], [3.0, 4.0]])
W = np.array([[1.0, 0.0], [2.0, 3.0], [0.0, -1.0]])
B = np.array([10.0, 20.0, 30.0])
DELTA = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]])


def test_linear_gives_the_answer_worked_out_by_hand():
    assert Linear().forward(X, W, B).tolist() == [[11, 28, 28], [13, 38, 26]]
    grad_input, grad_weight, grad_bias = Linear().backward(DELTA, X, W, B)
    assert grad_input.tolist() == [[1, -2], [2, 3]]
    assert grad_weight.tolist() == [[1, 2], [3, 4], [2, 4]]
    assert grad_bias.tolist() == [1, 1, 2]


def test_linear_without_a_bias_has_two_gradients():
    assert Linear().forward(X, W).tolist() == [[1, 8, -2], [3, 18, -4]]
    grad_input, grad_weight = Linear().backward(DELTA, X, W)
    assert grad_input.tolist() == [[1, -2], [2, 3]]
    assert grad_weight.tolist() == [[1, 2], [3, 4], [2, 4]]


@pytest.mark.parametrize("leading", [(), (2,), (2, 1), (1, 2, 1)])
def test_leading_axes_are_all_alike(leading):
    x = np.broadcast_to(X[0], (*leading, 2))
    assert Linear().forward(x, W, B).shape == (*leading, 3)
    grad_input, grad_weight, grad_bias = Linear().backward(np.ones((*leading, 3)), x, W, B)
    count = int(np.prod(leading))
    assert grad_input.shape == x.shape
    assert grad_weight.tolist() == [[count, 2 * count]] * 3
    assert grad_bias.tolist() == [count] * 3


def test_gradients_keep_the_dtypes_of_their_own_arguments():
    x, w, b = X.astype(np.float32), W, B.astype(np.float16)
    output = Linear().forward(x, w, b)
    assert output.dtype == np.float64
    dtypes = [gradient.dtype for gradient in Linear().backward(output, x, w, b)]
    assert dtypes == [np.float32, np.float64, np.float16]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((X, B), r"`weight` must have the shape \(out, in\); its shape is \(3,\)"),
        ((X, W.T), r"the last axis of `input` must be as long as that of `weight` \(2, 3\).* is \(2, 2\).*transpose"),
        ((X, W, B[:2]), r"`bias` must have one entry for each row of `weight`, shape \(3,\); its shape is \(2,\)"),
        ((np.array(1.0), W), r"the last axis of `input` must be as long .* is \(\)"),
        ((X, W.astype(int)), r"`weight` must be a floating array; its dtype is int64"),
    ],
)
def test_linear_refuses_what_does_not_fit_and_says_what_must_hold(arguments, words):
    with pytest.raises(InvalidInput, match=words):
        Linear().forward(*arguments)


@pytest.mark.parametrize(
    ("shape", "flat"), [((2, 3, 4), (2, 12)), ((3,), (3, 1)), ((0, 2, 2), (0, 4)), ((2, 0), (2, 0))]
)
def test_flatten_keeps_the_batch_and_joins_the_rest(shape, flat):
    x = np.arange(float(np.prod(shape))).reshape(shape)
    assert Flatten().forward(x).shape == flat
    assert Flatten().backward(Flatten().forward(x), x).tolist() == x.tolist()


def test_flatten_reads_in_c_order_whatever_the_memory():
    x = np.asfortranarray(np.arange(8.0).reshape(1, 2, 2, 2))
    assert Flatten().forward(x).tolist() == [[0, 1, 2, 3, 4, 5, 6, 7]]


def test_flatten_refuses_a_number():
    with pytest.raises(InvalidInput, match=r"`input` must have a batch axis; it is 0-d"):
        Flatten().forward(np.array(1.0))
