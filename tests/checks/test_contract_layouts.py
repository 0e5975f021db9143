import ctypes

import numpy as np
import pytest

from gradcheck.checks.layouts import backwards, repeated, with_gaps
from gradcheck.verdict import Severity


def as_c_reads(array):
    """Read the memory behind an array as C code that is handed a pointer and a size, without looking at strides."""
    if not array.size:
        return array.copy()
    pointer = array.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
    return np.ctypeslib.as_array(pointer, (array.size,)).reshape(array.shape).copy()


def in_order_of_memory(g):
    return g.ravel(order="K").reshape(g.shape)


WRONG_READERS = {"pointer": as_c_reads, "order-of-memory": in_order_of_memory}
RIGHT_READERS = {
    "contiguous-first": lambda g: as_c_reads(np.require(g, requirements="C")),
    "flat-copy": lambda g: g.reshape(-1).reshape(g.shape),
    "fortran": lambda g: g.copy(order="F"),
    "entry-by-entry": lambda g: np.array(list(g.flat)).reshape(g.shape),
}


@pytest.mark.parametrize("read", WRONG_READERS.values(), ids=WRONG_READERS)
def test_catches_a_backward_that_ignores_the_strides_of_grad_output(look_at, x, read):
    finding = look_at((np.sin, lambda g, x: read(g) * np.cos(x)), x=x).by["layout-wrong"]
    assert finding.severity is Severity.ERROR
    assert "when grad_output is in Fortran's order; plain arrays of the same values give another." in finding.sentence


@pytest.mark.parametrize("read", WRONG_READERS.values(), ids=WRONG_READERS)
def test_catches_a_backward_that_ignores_the_strides_of_its_input(look_at, x, read):
    finding = look_at((np.sin, lambda g, x: g * np.cos(read(x))), x=x).by["layout-wrong"]
    assert "when the inputs are in Fortran's order" in finding.sentence


@pytest.mark.parametrize("read", RIGHT_READERS.values(), ids=RIGHT_READERS)
def test_accepts_a_backward_that_respects_strides(look_at, x, read):
    assert look_at((np.sin, lambda g, x: read(g) * np.cos(read(x))), x=x).findings == []


def test_catches_a_vector_read_without_its_stride(look_at):
    x = np.linspace(-1, 2, 7)
    seen = look_at((np.sin, lambda g, x: as_c_reads(g) * np.cos(x)), x=x)
    assert seen.by["layout-wrong"].evidence["layout"] == "strided, with gaps"


def test_catches_what_shows_only_for_a_broadcast_grad_output(look_at, x):
    def backward(g, x):
        return (g.mean() if 0 in g.strides and g.size > 1 else g) * np.cos(x)

    finding = look_at((np.sin, backward), x=x).by["layout-wrong"]
    assert finding.evidence["layout"] == "broadcast (stride 0)"
    assert "grad_output is broadcast" in finding.sentence


def test_catches_what_shows_only_for_broadcast_inputs(look_at, x):
    def backward(g, x):
        return g * np.cos(x) * (0.5 if 0 in x.strides and x.size > 1 else 1.0)

    assert "the inputs are broadcast" in look_at((np.sin, backward), x=x).by["layout-wrong"].sentence


def test_catches_what_shows_only_for_negative_strides(look_at, x):
    def backward(g, x):
        return g[::-1] * np.cos(x) if g.strides[0] < 0 else g * np.cos(x)

    assert look_at((np.sin, backward), x=x).by["layout-wrong"].evidence["layout"] == "with negative strides"


def test_catches_a_forward_that_ignores_the_strides_of_its_input(look_at, x):
    seen = look_at((lambda x: np.sin(as_c_reads(x)), lambda g, x: g * np.cos(as_c_reads(x))), x=x)
    assert seen.by["layout-forward"].severity is Severity.ERROR


def test_warns_of_a_backward_that_refuses_a_layout(look_at, x):
    def backward(g, x):
        flat = g.view()
        flat.shape = (g.size,)  # raises where that would need a copy
        return flat.reshape(x.shape) * np.cos(x)

    finding = look_at((np.sin, backward), x=x).by["layout-refused"]
    assert finding.severity is Severity.WARNING
    assert "When all arrays are in Fortran's order: sin's backward raised" in finding.sentence


def test_still_looks_at_grad_output_where_forward_refuses_a_layout(look_at, x):
    def forward(x):
        if not x.flags.c_contiguous:
            raise ValueError("x must be contiguous")
        return np.sin(x)

    assert {"layout-refused", "layout-wrong"} <= look_at((forward, lambda g, x: as_c_reads(g) * np.cos(x)), x=x).codes
    right = look_at((forward, lambda g, x: g * np.cos(x)), x=x)
    assert right.codes == {"layout-refused"}


def test_warns_once_of_a_backward_that_refuses_read_only_arrays(look_at, x):
    def backward(g, x):
        g *= np.cos(x)
        return g.copy()

    seen = look_at((np.sin, backward), x=x)
    assert seen.codes == {"mutates-grad-output", "read-only-refused"}
    assert seen.by["read-only-refused"].severity is Severity.WARNING


def test_accepts_sums_that_round_otherwise_in_another_order_of_memory(look_at):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 60)) * 10.0 ** rng.integers(-3, 3, (40, 60))
    layer = (
        lambda x: np.tanh(x.sum(axis=0)),
        lambda g, x: np.broadcast_to(g * (1 - np.tanh(x.sum(axis=0)) ** 2), x.shape) + 0,
    )
    assert look_at(layer, x=x).findings == []


def test_accepts_a_tie_of_sums_that_another_order_of_memory_decides_otherwise(look_at):
    """Two columns with the same entries in another order: their sums tie but for rounding."""
    column = np.array([0.1, 0.2, 0.3, 0.4, 0.7, 1e-3])
    x = np.stack([column, column[::-1], column[[2, 0, 1, 5, 3, 4]]], axis=1)

    def backward(g, x):
        gradient = np.zeros_like(x)
        gradient[:, np.argmax(x.sum(axis=0))] = g
        return gradient

    assert not {
        f.code for f in look_at((lambda x: x.sum(axis=0).max(), backward), x=x).findings if f.severity == "error"
    }


def test_accepts_batch_norm_of_samples_that_a_broadcast_makes_equal(look_at, x):
    def normalised(x):
        return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-12)

    def backward(g, x):
        y = normalised(x)
        return (g - g.mean(axis=0) - y * (g * y).mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-12)

    assert look_at((normalised, backward), x=x).findings == []


@pytest.mark.parametrize(
    "change", [with_gaps, backwards, lambda a: repeated(a, 0)], ids=["gaps", "backwards", "repeated"]
)
def test_layouts_keep_the_values_and_stay_within_their_memory(change):
    array = np.arange(12.0).reshape(3, 4)
    changed = change(array)
    expected = np.broadcast_to(array[:1], array.shape) if 0 in changed.strides else array
    np.testing.assert_array_equal(changed, expected)
    assert not changed.flags.c_contiguous
    base = changed
    while base.base is not None:
        base = base.base
    start = (changed.ctypes.data - base.ctypes.data) // 8
    assert 0 <= start <= base.size - changed.size  # who reads on from the pointer stays inside


def test_with_gaps_leaves_a_scalar_alone():
    assert with_gaps(np.array(2.0)) == 2.0


def test_accepts_a_loss_that_insists_on_a_scalar_grad_output(look_at, x):
    def backward(g, x):
        assert np.shape(g) == ()
        return 2 * g * x

    assert look_at((lambda x: (x**2).sum(), backward), x=x).findings == []
