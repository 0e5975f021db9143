"""The faults that show only in how backward is called, or are bad manners, each by the call that gives it away."""

import numpy as np
import pytest

from gradcheck.faults.records import Shows, point_of
from gradcheck.faults.zoo import FAULTS

CALL = [c for c in FAULTS if c.shows is Shows.CALL]
MANNERS = [c for c in FAULTS if c.shows is Shows.MANNERS]


def gradients(layer, grad, point):
    returned = layer.backward(grad, *point.values())
    return returned if isinstance(returned, tuple) else (returned,)


def same(first, second):
    return all(np.allclose(a, b, rtol=1e-12, atol=0) for a, b in zip(first, second, strict=True))


def kind_call(case):
    """Return a fresh layer, its point, a cotangent and what the kindest call returns."""
    layer, point = case.make(), dict(point_of(case))
    shape = np.shape(layer.forward(*(v.copy() for v in point.values())))
    grad = np.random.default_rng(2).standard_normal(shape)
    fresh = case.make()
    fresh.forward(*(v.copy() for v in point.values()))
    kept = tuple(np.array(d) for d in gradients(fresh, grad.copy(), {n: v.copy() for n, v in point.items()}))
    return layer, point, grad, kept


def unkind_calls(case):
    """Yield pairs of results that would be the same for a right layer."""
    layer, point, grad, kept = kind_call(case)
    gradients(layer, grad.copy(), point)
    yield "a second call", gradients(layer, grad.copy(), point), kept
    layer, point, grad, kept = kind_call(case)
    layer.forward(*(v + 1 for v in point.values()))
    yield "forward on something else before", gradients(layer, grad.copy(), point), kept
    moved, fresh = {n: v + 1 for n, v in point.items()}, case.make()
    layer.forward(*moved.values())
    fresh.forward(*moved.values())
    yield "another point", gradients(layer, grad.copy(), moved), gradients(fresh, grad.copy(), moved)
    layer, point, grad, kept = kind_call(case)
    yield "a cotangent in Fortran's order", gradients(layer, np.asfortranarray(grad), point), kept
    turned = {n: np.asfortranarray(v) for n, v in point.items()}
    yield "inputs in Fortran's order", gradients(layer, grad.copy(), turned), kept
    yield "a large cotangent", gradients(layer, 100 * grad, point), tuple(100 * d for d in kept)
    yield "a small cotangent", gradients(layer, 1e-6 * grad, point), tuple(1e-6 * d for d in kept)
    yield "a cotangent of zeros", gradients(layer, 0 * grad, point), tuple(0 * d for d in kept)


@pytest.mark.parametrize("case", CALL, ids=lambda c: c.name)
def test_call_fault_gives_itself_away_in_some_call(case):
    assert any(not same(found, kept) for _, found, kept in unkind_calls(case))


def misconduct(case):
    """Yield what a layer does that it should not."""
    layer, point, grad, kept = kind_call(case)
    before = {n: v.copy() for n, v in point.items()}
    layer.forward(*point.values())
    untouched = grad.copy()
    found = gradients(layer, grad, point)
    yield "mutates-grad-output", not np.array_equal(grad, untouched)
    yield "mutates-input", any(not np.array_equal(point[n], before[n]) for n in point)
    returned = [d for d in found if isinstance(d, np.ndarray)]
    yield "aliases", any(np.shares_memory(d, grad) for d in returned)
    yield "missing", any(d is None for d in found)
    yield "wrong-dtype", any(d.dtype != v.dtype for d, v in zip(returned, point.values(), strict=False))
    again = [np.array(d) for d in returned]
    gradients(layer, 2 * untouched, {n: v.copy() for n, v in before.items()})
    yield "aliases", any(not np.array_equal(a, d) for a, d in zip(again, returned, strict=True))
    yield "stale-cache", not same(gradients(*stale(case)), kept) if case.code == "stale-cache" else False


def stale(case):
    layer, point, grad, _ = kind_call(case)
    layer.forward(*(v + 1 for v in point.values()))
    return layer, grad, point


@pytest.mark.parametrize("case", [c for c in MANNERS if c.group == "states"], ids=lambda c: c.name)
def test_bad_manners_are_what_the_code_says(case):
    if case.name == "states/shape/empty-batch":
        layer = case.make()
        assert layer.forward(np.zeros((0, 4))).shape == (0, 4)
        with pytest.raises(ValueError, match="zero-size"):
            layer.backward(np.zeros((0, 4)), np.zeros((0, 4)))
    elif case.name == "states/shape/zero-dimensional":
        assert case.make().forward(np.array(1.0)).shape == ()
        with pytest.raises(TypeError, match="len"):
            case.make().backward(np.array(1.0), np.array(1.0))
    elif case.name == "states/shape/size-one":
        assert case.make().backward(np.ones((1, 4)), np.ones((1, 4))).shape == (4,)
    else:
        assert case.code in {code for code, seen in misconduct(case) if seen}


@pytest.mark.parametrize("case", [c for c in MANNERS if c.group == "manners"], ids=lambda c: c.name)
def test_ill_typed_gradient_is_what_the_code_says(case):
    layer, point = case.make(), dict(point_of(case))
    found = gradients(layer, np.ones(np.shape(layer.forward(*point.values()))), point)
    ill = {"missing"} if any(d is None for d in found) else set()
    ill |= {"wrong-dtype"} if any(d is not None and d.dtype != float for d in found) else set()
    assert ill == {case.code}
