"""Memory of a check on large arrays, in multiples of the layer's: inputs, outputs, and the gradients of both.

NumPy reports its arrays to tracemalloc; what one call of the layer takes for itself is not the harness's.
"""

import tracemalloc

import numpy as np
import pytest

import gradcheck

# A copy of the inputs and outputs with their noise; one direction on its ladder, of at most sixteen evaluations; what
# was measured along the one before; an answer and its cotangent. To each layer's four arrays of one size this is ten.
A_FEW_TIMES = 10.0


def peak_of(call):
    tracemalloc.start()
    try:
        found = call()
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak - held, found


def tanh(x):
    return np.tanh(x)


def right(grad_output, x):
    output = np.tanh(x)
    return grad_output * (1.0 - output * output)


def with_one_wrong_entry(grad_output, x):
    gradient = right(grad_output, x)
    gradient[100, 100] *= 1.5
    return gradient


LAYERS = {
    "tanh": ((tanh, right), "agrees", A_FEW_TIMES),
    "relu": ((lambda x: np.maximum(x, 0.0), lambda g, x: g * (x > 0)), "agrees", A_FEW_TIMES),
    "tanh, one entry wrong": ((tanh, with_one_wrong_entry), "disagrees", A_FEW_TIMES),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", LAYERS)
def test_a_large_layer_is_checked_in_a_few_times_its_arrays(case):
    layer, verdict, most = LAYERS[case]
    x = np.random.default_rng(0).standard_normal((600, 500))
    own = max(peak_of(lambda: layer[0](x))[0], peak_of(lambda: layer[1](x, x))[0])
    peak, report = peak_of(lambda: gradcheck.check(layer, {"x": x}))
    assert str(report.verdict) == verdict
    assert peak - own <= most * 4 * x.nbytes
