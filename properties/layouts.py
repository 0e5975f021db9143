"""Memory and dtypes: any strides give the same numbers, nothing is written to, results are the caller's own."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from properties.catalogue import EVERY, FEWER, LINEAR, Drawn, cases
from properties.drawing import Array

every_layer = pytest.mark.parametrize("name", EVERY)


def spaced(array: Array) -> Array:
    """Return the same numbers, every second entry of memory twice as large."""
    room = np.full(tuple(2 * n for n in array.shape), np.nan if array.dtype.kind == "f" else 0, array.dtype)
    view = room[(slice(None, None, 2),) * array.ndim]
    view[...] = array
    return view


def backwards(array: Array) -> Array:
    """Return the same numbers, every axis running against its memory."""
    turned = (slice(None, None, -1),) * array.ndim
    return np.ascontiguousarray(array[turned])[turned]


def read_only(array: Array) -> Array:
    """Return a copy that must not be written to."""
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def unaligned(array: Array) -> Array:
    """Return the same numbers one byte off their natural place."""
    memory = np.zeros(array.nbytes + 1, np.uint8)
    view = memory[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "Fortran order": np.asfortranarray,
    "strided": spaced,
    "negative strides": backwards,
    "read-only": read_only,
    "unaligned": unaligned,
}


def both_passes(drawn: Drawn, inputs: tuple[Array, ...], delta: Array) -> list[Array]:
    """Return the output and all gradients that are claimed."""
    claimed = drawn.layer.backward(delta, *inputs)
    gradients = claimed if isinstance(claimed, tuple) else (claimed,)
    return [drawn.layer.forward(*inputs), *(grad for grad in gradients if grad is not None)]


def assert_equal_but_for_summation(name: str, found: list[Array], expected: list[Array]) -> None:
    """Compare exactly for linear layers on integers; elsewhere another layout may be summed in another order."""
    for left, right in zip(found, expected, strict=True):
        slack = 0.0 if name in LINEAR else 1e-13 * max(1.0, float(np.abs(right).max(initial=0)))
        np.testing.assert_allclose(left, right, rtol=0, atol=slack)


@every_layer
@settings(max_examples=2 * FEWER)
@given(st.data(), st.sampled_from(sorted(LAYOUTS)))
def test_no_layout_changes_the_numbers(name, data, layout):
    drawn: Drawn = data.draw(cases(EVERY[name]))
    delta = drawn.cotangent(drawn.layer.forward(*drawn.inputs))
    expected = both_passes(drawn, drawn.inputs, delta)
    lay = LAYOUTS[layout]
    found = both_passes(drawn, tuple(lay(value) for value in drawn.inputs), lay(delta))
    assert_equal_but_for_summation(name, found, expected)


@every_layer
@settings(max_examples=FEWER)
@given(st.data())
def test_inputs_stay_as_they_were_and_results_share_no_memory_and_come_again(name, data):
    drawn: Drawn = data.draw(cases(EVERY[name]))
    output = drawn.layer.forward(*drawn.inputs)
    delta = drawn.cotangent(output)
    given_arrays = (*drawn.inputs, delta)
    before = [value.tobytes() for value in given_arrays]
    results = both_passes(drawn, drawn.inputs, delta)
    assert [value.tobytes() for value in given_arrays] == before, "inputs stay as they were"
    for i, result in enumerate(results):
        assert result.flags.writeable
        assert not any(np.shares_memory(result, other) for other in (*given_arrays, *results[:i]))
    for left, right in zip(results, both_passes(drawn, drawn.inputs, delta), strict=True):
        np.testing.assert_array_equal(left, right, "asked twice, a layer answers the same")
    broadcast = both_passes(drawn, drawn.inputs, np.broadcast_to(np.float64(3.0), output.shape))
    written_out = both_passes(drawn, drawn.inputs, np.full(output.shape, 3.0))
    assert_equal_but_for_summation(name, broadcast, written_out)


@every_layer
@settings(max_examples=2 * FEWER)
@given(st.data(), st.sampled_from([np.float16, np.float32, np.float64]))
def test_dtype_in_is_dtype_out_and_near_the_wide_answer(name, data, dtype):
    drawn: Drawn = data.draw(cases(EVERY[name]))
    narrow = tuple(value.astype(dtype) if value.dtype.kind == "f" else value for value in drawn.inputs)
    wide = tuple(value.astype(np.float64) if value.dtype.kind == "f" else value for value in narrow)
    delta = drawn.cotangent(drawn.layer.forward(*wide))
    found = both_passes(drawn, narrow, delta.astype(dtype))
    expected = both_passes(drawn, wide, delta)
    for left, right in zip(found, expected, strict=True):
        assert left.dtype == dtype
        assert left.shape == right.shape
        # float16 is accumulated in float32 and rounded once; sums of up to a hundred terms in float32 and float64.
        scale = float(np.abs(right).max(initial=0, where=np.isfinite(right))) + float(np.abs(delta).sum())
        slack = (2 if dtype == np.float16 else 64) * float(np.finfo(dtype).eps) * scale
        np.testing.assert_allclose(left.astype(np.float64), right, rtol=0, atol=slack)
