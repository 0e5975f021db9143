import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.checks.outputs import Form, as_arrays, flatten, form_of
from gradcheck.errors import GradcheckError, LayerFailed

X = np.random.default_rng(11).standard_normal((2, 3))

READ = {
    "array": (X, [(2, 3)]),
    "number": (1.5, [()]),
    "NumPy number": (np.float32(1.5), [()]),
    "tuple": ((X, 1.0), [(2, 3), ()]),
    "list of arrays": ([X, X[0]], [(2, 3), (3,)]),
    "list of numbers": ([1.0, 2.0], [(2,)]),
    "nested list": ([[1.0], [2.0]], [(2, 1)]),
    "booleans": (X > 0, [(2, 3)]),
    "integers": (np.arange(3), [(3,)]),
    "empty": (np.zeros((0, 3)), [(0, 3)]),
}


@pytest.mark.parametrize(("returned", "shapes"), READ.values(), ids=READ)
def test_reads_what_forward_returned(returned, shapes):
    assert [part.shape for part in as_arrays(returned)] == shapes


REFUSED = {
    "None": (None, r"it returned None\."),
    "text": ("abc", r"it returned str \(dtype <U3\)\."),
    "an object": (object(), r"it returned object \(dtype object\)\."),
    "a dict": ({"y": X}, r"it returned dict \(dtype object\)\."),
    "an object array": (np.array([None]), r"it returned ndarray \(dtype object\)\."),
    "a tuple with None": ((X, None), r"it returned tuple \(dtype object\)\."),
    "ragged rows": ([[1.0], [2.0, 3.0]], r"it returned a list whose rows differ in length\."),
    "an empty tuple": ((), r"it returned an empty tuple\."),
}


@pytest.mark.parametrize(("returned", "sentence"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("effort", ["quick", "normal"])
def test_refuses_what_is_no_output(returned, sentence, effort):
    with pytest.raises(
        LayerFailed, match=rf"^forward must return a real array, a number or a tuple of arrays; {sentence}"
    ):
        check((lambda x: returned, lambda g, x: x), {"x": X}, effort=effort)


@pytest.mark.parametrize("effort", ["quick", "normal"])
def test_refuses_complex_outputs_of_real_inputs(effort):
    with pytest.raises(
        GradcheckError, match=r"forward must return real arrays for real inputs; it returned complex ones"
    ):
        check((lambda x: x + 1j, lambda g, x: g), {"x": X}, effort=effort)


def test_a_flat_cotangent_is_cut_into_shapes_and_dtypes():
    form = form_of((np.float32(X), np.arange(2), np.float16(1)))
    assert form.size == 9
    first, second, third = form.cut(np.arange(9.0))
    assert (first.shape, first.dtype) == ((2, 3), np.float32)
    assert (second.tolist(), second.dtype) == ([6.0, 7.0], np.float64)
    assert (third.shape, third.dtype, float(third)) == ((), np.float16, 8.0)


def test_cutting_and_flattening_are_inverse():
    parts = (X, np.array(2.0), X[:, :0])
    assert [np.array_equal(a, b) for a, b in zip(form_of(parts).cut(flatten(parts)), parts, strict=True)] == [True] * 3


@pytest.mark.parametrize(
    ("dtypes", "coarsest"),
    [(["f8", "f4"], "f4"), (["f2", "f4"], "f2"), (["i8", "f8"], "f8"), (["i8"], "f8")],
    ids=lambda value: "-".join(value) if isinstance(value, list) else value,
)
def test_the_lowest_floating_precision_counts(dtypes, coarsest):
    assert Form(((),) * len(dtypes), tuple(np.dtype(d) for d in dtypes)).coarsest == np.dtype(coarsest)


def test_flattening_is_float64_or_complex():
    assert flatten((np.float16(X),)).dtype == np.float64
    assert flatten((np.float16(X), X + 1j)).dtype == np.complex128
    assert flatten(()).shape == (0,)


two = (lambda x: (x * x, np.sin(x).sum()), lambda g, x: g[0] * 2 * x + g[1] * np.cos(x))
OUTPUTS = {
    "several": (two, Verdict.AGREES),
    "several, the scalar forgotten": ((two[0], lambda g, x: g[0] * 2 * x), Verdict.DISAGREES),
    "several, the array forgotten": ((two[0], lambda g, x: g[1] * np.cos(x)), Verdict.DISAGREES),
    "a Python float": ((lambda x: float((x * x).sum()), lambda g, x: g * 2 * x), Verdict.AGREES),
    "a wrong Python float": ((lambda x: float((x * x).sum()), lambda g, x: g * x), Verdict.DISAGREES),
    "a list of numbers": (
        (lambda x: [v * v for v in x.ravel().tolist()], lambda g, x: 2 * g.reshape(x.shape) * x),
        Verdict.AGREES,
    ),
    "with integers beside": ((lambda x: (x * x, x > 0), lambda g, x: g[0] * 2 * x), Verdict.AGREES),
    "booleans": ((lambda x: x > 0, lambda g, x: 0 * x), Verdict.AGREES),
}


@pytest.mark.parametrize(("layer", "wanted"), OUTPUTS.values(), ids=OUTPUTS)
def test_judges_outputs_of_every_kind(layer, wanted):
    assert check(layer, {"x": X}).verdict is wanted
