"""Rounded cases computed a second time, by reference/: the textbook's formulas in decimal arithmetic of 400 digits.

Everything here takes a case and its vector (anything with `operation`, `hyperparameters`; `inputs`, `grad_output`) and
returns arrays of decimals by name: "output", and the names of the inputs for their gradients.
"""

from decimal import Decimal, localcontext

import numpy as np

from reference import elementary, loops
from reference.elementary import WIDE

NAMES = {"tanh_shrink": "tanhshrink"}


def decimals(values):
    return [Decimal(float(v)) for v in values]


def curves(case):
    """The value and the slope of an activation in decimal arithmetic, as functions of one number."""
    how = {name: value for name, value in case.hyperparameters.items() if name != "approximate"}
    name = NAMES.get(case.operation, case.operation)
    if case.hyperparameters.get("approximate") == "tanh":
        name = "gelu_tanh"
    value, slope = elementary.ACTIVATIONS[name]
    if case.operation == "softplus" and how["threshold"] is None:
        beta = Decimal(how["beta"])
        return (
            lambda x: elementary.plain_softplus(beta * x) / beta if x < 500 else x,
            lambda x: elementary.sigmoid(beta * x),
        )
    parameters = {name: Decimal(value) for name, value in how.items()}
    return lambda x: value(x, **parameters), lambda x: slope(x, **parameters)


def by_curves(case, vector):
    value, slope = curves(case)
    x, error = (decimals(array.ravel()) for array in (vector.inputs["input"], vector.grad_output))
    found = {"output": [value(v) for v in x], "input": [d * slope(v) for d, v in zip(error, x, strict=True)]}
    return {name: np.array(numbers, object).reshape(vector.grad_output.shape) for name, numbers in found.items()}


def by_softmaxes(case, vector):
    x, error, axis = vector.inputs["input"], vector.grad_output, case.hyperparameters["axis"]
    value, slope = (getattr(elementary, name) for name in (case.operation, f"{case.operation}_grad"))
    output, gradient = np.empty(x.shape, object), np.empty(x.shape, object)
    moved = [np.moveaxis(array, axis, -1) for array in (x, error, output, gradient)]
    for at in np.ndindex(moved[0].shape[:-1]):
        moved[2][at] = value(decimals(moved[0][at]))
        moved[3][at] = slope(decimals(moved[1][at]), decimals(moved[0][at]))
    return {"output": output, "input": gradient}


def reduced(terms, reduction):
    if reduction == "none":
        return terms
    return np.array(sum(terms.ravel()) / (terms.size if reduction == "mean" else 1), object)


def shares(error, shape, reduction):
    count = int(np.prod(shape)) if reduction == "mean" else 1
    return np.broadcast_to(np.vectorize(lambda d: Decimal(float(d)) / count, otypes=[object])(error), shape)


def by_entropies(case, vector):
    x, labels, reduction = vector.inputs["input"], vector.inputs["target"], case.hyperparameters["reduction"]
    share = shares(vector.grad_output, labels.shape, reduction)
    terms, gradient = np.empty(labels.shape, object), np.empty(x.shape, object)
    for n, *at in np.ndindex(labels.shape):
        line, label = decimals(x[(n, slice(None), *at)]), int(labels[(n, *at)])
        terms[(n, *at)] = -elementary.log_softmax(line)[label]
        weights = elementary.softmax(line)
        gradient[(n, slice(None), *at)] = [share[(n, *at)] * (y - (j == label)) for j, y in enumerate(weights)]
    return {"output": reduced(terms, reduction), "input": gradient}


def by_binary_entropies(case, vector):
    x, target, reduction = vector.inputs["input"], vector.inputs["target"], case.hyperparameters["reduction"]
    share, terms = shares(vector.grad_output, x.shape, reduction), np.empty(x.shape, object)
    of_input, of_target = np.empty(x.shape, object), np.empty(x.shape, object)
    for at in np.ndindex(x.shape):
        v, t = Decimal(float(x[at])), Decimal(float(target[at]))
        terms[at] = t * elementary.plain_softplus(-v) + (1 - t) * elementary.plain_softplus(v)
        of_input[at], of_target[at] = share[at] * (elementary.sigmoid(v) - t), -share[at] * v
    return {"output": reduced(terms, reduction), "input": of_input, "target": of_target}


def by_norms(axes):
    """Norms of windows, which `axes` lists for a case and its input as loops.py does."""

    def compute(case, vector):
        x, error, p = vector.inputs["input"], vector.grad_output, Decimal(case.hyperparameters["p"])
        seen = axes(case, x)
        output, gradient = np.empty(error.shape, object), np.full(x.shape, Decimal(0), object)
        for n, c, *out in np.ndindex(error.shape):
            places = loops.window(seen, tuple(out), x.shape[2:])
            values = {place: Decimal(float(x[(n, c, *place)])) for place in places}
            total = sum(abs(v) ** p for v in values.values())
            norm = total ** (1 / p) if total else Decimal(0)
            output[(n, c, *out)] = norm
            for place, v in values.items():
                if v:
                    slope = ((abs(v) / norm) ** (p - 1)).copy_sign(v)
                    gradient[(n, c, *place)] += Decimal(float(error[(n, c, *out)])) * slope
        return {"output": output, "input": gradient}

    return compute


def recomputed_in_decimals(case, vector, axes):
    """Every result of a rounded case."""
    sources = {
        "softmax": by_softmaxes,
        "log_softmax": by_softmaxes,
        "cross_entropy": by_entropies,
        "binary_cross_entropy": by_binary_entropies,
        "lp_pool": by_norms(axes),
        "global_lp_pool": by_norms(axes),
    }
    with localcontext(WIDE):
        return sources.get(case.operation, by_curves)(case, vector)
