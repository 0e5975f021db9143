"""The truth that the zoo is held to: differences in extended precision, written apart from the judge."""

from types import SimpleNamespace

import numpy as np
import pytest

from gradcheck.faults.records import point_of

WHOLE_TABLES = ("test_judge_on_zoo.py", "test_expectations.py")
STEPS = (1e-2, 1e-3, 1e-4, 1e-6, 1e-9)  # of each entry's own size
SAMPLE = 24  # entries of each argument that are measured
DAMAGED = 341  # the entry that the "one of 1000" faults damage


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep one case of each kind (`convolution/input/...`) among the quick tests; the others are slow ones."""
    seen = set()
    for item in items:
        if item.path.name in WHOLE_TABLES and item.path.parent.name == "faults" and hasattr(item, "callspec"):
            kind = (item.originalname, item.callspec.id.rpartition("/")[0])
            if kind in seen:
                item.add_marker(pytest.mark.slow)
            seen.add(kind)


def is_float(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def outputs(returned):
    return [np.asarray(o) for o in (returned if isinstance(returned, (tuple, list)) else (returned,))]


def copied(inputs):
    return {n: v.copy() if isinstance(v, np.ndarray) else v for n, v in inputs.items()}


def cotangents(layer, inputs, seed=5):
    rng = np.random.default_rng(seed)
    shapes = [o.shape for o in outputs(layer.forward(*copied(inputs).values()))]
    dtypes = [o.dtype for o in outputs(layer.forward(*copied(inputs).values()))]
    return [np.asarray(rng.standard_normal(s)).astype(d) for s, d in zip(shapes, dtypes, strict=True)]


def claims(layer, inputs, grads):
    """Return the claimed gradients by name, None where none is claimed."""
    given = [g.copy() for g in grads]
    returned = layer.backward(given[0] if len(given) == 1 else tuple(given), *copied(inputs).values())
    floating = [n for n, v in inputs.items() if is_float(v)]
    if isinstance(returned, dict):
        return returned
    if isinstance(returned, list) and np.shape(returned) == inputs[floating[0]].shape:
        return {floating[0]: returned}  # one gradient as a list of lists
    if isinstance(returned, (tuple, list)):
        for names in (list(inputs), floating):
            if len(returned) == len(names):
                return dict(zip(names, returned, strict=True))
        return {}
    return {floating[0]: returned}


def errors_of(forward, inputs, grads, name, claim, *, wide=np.longdouble):
    """Return |claim - difference| at worst over a sample of entries, and the largest difference."""
    base = {n: v.astype(wide) if is_float(v) else v for n, v in inputs.items()}
    x = base[name]

    def change(index, step):
        """Return the cotangents times the outputs' change from -step to step, and the rounding in it."""
        ends = []
        for shift in (step, -step):
            moved = copied(base)
            moved[name][index] += shift
            ends.append(outputs(forward(*moved.values())))
        parts = [(g.astype(wide), a - b, abs(a)) for g, a, b in zip(grads, *ends, strict=True)]
        noise = sum((abs(g) * size * (moved != 0)).sum() for g, moved, size in parts)
        return sum((g * moved).sum() for g, moved, _ in parts), 4 * np.finfo(wide).eps * noise

    spots = list(np.ndindex(*x.shape))
    picked = [*np.random.default_rng(1).permutation(len(spots))[:SAMPLE], *([DAMAGED] if len(spots) == 1000 else [])]
    error, reach = 0.0, 0.0
    for index in (spots[i] for i in picked):
        found = [difference(change, index, s * (abs(x[index]) or wide(1))) for s in STEPS]
        best = min(found, key=lambda pair: pair[1])[0]
        error, reach = max(error, float(abs(best - claim[index]))), max(reach, float(abs(best)))
    return error, reach


def difference(change, index, step):
    """Return a difference quotient of fourth order, and how far it may be off; infinitely where forward refuses."""
    try:
        (far, roundoff), (near, _) = change(index, step), change(index, step / 2)
    except ValueError:
        return 0.0, np.inf
    coarse, fine = far / (2 * step), near / step
    doubt = abs(fine - coarse) + roundoff / step
    return (4 * fine - coarse) / 3, np.inf if np.isnan(doubt) else doubt


def relative_errors(case, forward=None, inputs=None, *, wide=np.longdouble):
    """Return the relative error of each claimed gradient; infinity where the claim is no gradient at all."""
    layer, point = case.make(), dict(point_of(case)) if inputs is None else inputs
    with np.errstate(all="ignore"):
        grads = cotangents(layer, point)
        claimed = claims(layer, point, grads)
        found = {}
        for name in (n for n, v in point.items() if is_float(v) and v.size):
            claim = claimed.get(name)
            if claim is None or np.shape(claim) != point[name].shape or not np.all(np.isfinite(claim)):
                found[name] = np.inf
                continue
            error, reach = errors_of(forward or layer.forward, point, grads, name, np.asarray(claim), wide=wide)
            found[name] = error / reach if reach else error
    return found


@pytest.fixture
def truth():
    """The functions of this file."""
    return SimpleNamespace(
        relative_errors=relative_errors, cotangents=cotangents, claims=claims, outputs=outputs, copied=copied
    )
