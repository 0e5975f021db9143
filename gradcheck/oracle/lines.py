"""The rounded cases beside activations: softmax, cross-entropies and p-norms, each number in two formulas."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.oracle.case import DTYPES, Array, Case
from gradcheck.oracle.correct import Formula, correctly_rounded
from gradcheck.oracle.formulas import logistic, logistic_again, softplus, softplus_again

Pair = tuple[Formula, Formula]
Pairs = Callable[[tuple[int, ...]], Pair]


@dataclass(frozen=True)
class Plan:
    """A rounded case before its results are computed: for each result, two formulas for the number at an index."""

    name: str
    operation: str
    hyperparameters: dict[str, Any]
    inputs: Mapping[str, Array]
    grad_output: Array
    formulas: Mapping[str, Pairs]
    dtypes: tuple[str, ...] = DTYPES


def case_of(plan: Plan, flags: tuple[str, ...]) -> Case:
    """Compute a case."""
    tensors: dict[str, Array] = {f"inputs/{name}": values for name, values in plan.inputs.items()}
    tensors["grad_output"] = plan.grad_output
    for role, pairs in plan.formulas.items():
        shape = plan.grad_output.shape if role == "output" else plan.inputs[role.split("/")[1]].shape
        results = {dtype: np.zeros(shape, dtype) for dtype in plan.dtypes}
        for at in np.ndindex(shape):
            numbers = correctly_rounded(pairs(at), plan.dtypes, label=f"{plan.name}, {role} at {at}")
            for dtype, number in numbers.items():
                results[dtype][at] = number
        tensors |= {f"{role}/{dtype}": values for dtype, values in results.items()}
    return Case(
        plan.name, plan.operation, plan.hyperparameters, "rounded", flags, plan.dtypes, tuple(plan.inputs), tensors
    )


def softmax_formulas(x: Array, error: Array, axis: int, *, logarithm: bool) -> Mapping[str, Pairs]:
    """Return the formulas of softmax, or of its logarithm, along an axis."""

    def line(at: tuple[int, ...]) -> tuple[list[float], list[float], int]:
        before, after = at[:axis], at[axis + 1 :]
        lines = (np.moveaxis(values, axis, -1)[(*before, *after)].tolist() for values in (x, error))
        return next(lines), next(lines), at[axis]

    value, slope = (_log_softmax, _log_softmax_slope) if logarithm else (_softmax, _softmax_slope)
    return {"output": lambda at: value(*line(at)), "gradients/input": lambda at: slope(*line(at))}


def _shares(m: Any, x: list[float]) -> list[Any]:
    largest = max(x)
    terms = [m.exp(m.mpf(v) - largest) for v in x]
    total = sum(terms, m.zero)
    return [term / total for term in terms]


def _softmax(x: list[float], _: list[float], i: int) -> Pair:
    return (
        lambda m: _shares(m, x)[i],
        lambda m: 1 / sum((m.exp(m.mpf(v) - x[i]) for v in x), m.zero),
    )


def _softmax_slope(x: list[float], d: list[float], i: int) -> Pair:
    """Add up y_i y_j (d_i - d_j) over j, which loses no digits where y_i (d_i - sum of d_j y_j) would."""

    def line_first(m: Any) -> Any:
        y = [1 / sum((m.exp(m.mpf(u) - v) for u in x), m.zero) for v in x]
        return y[i] * sum((y_j * (d[i] - d_j) for d_j, y_j in zip(d, y, strict=True)), m.zero)

    def pair_by_pair(m: Any) -> Any:
        y = _shares(m, x)
        return sum((y[i] * y_j * (d[i] - d_j) for d_j, y_j in zip(d, y, strict=True)), m.zero)

    return pair_by_pair, line_first


def _log_softmax(x: list[float], _: list[float], i: int) -> Pair:
    """x_i less the largest and less ln(1 + r) = 2 artanh(r / (2 + r)), r the sum of the others' exponentials."""
    k = x.index(max(x))

    def rest(m: Any) -> Any:
        return sum((m.exp(m.mpf(v) - x[k]) for j, v in enumerate(x) if j != k), m.zero)

    return (
        lambda m: m.mpf(x[i]) - x[k] - m.log1p(rest(m)),
        lambda m: m.mpf(x[i]) - x[k] - 2 * m.atanh(rest(m) / (2 + rest(m))),
    )


def _log_softmax_slope(x: list[float], d: list[float], i: int) -> Pair:
    """Add up d_i y_j - d_j y_i over j; and, with the largest's own share as 1 - the others', d_i - y_i sum of d_j."""

    def pair_by_pair(m: Any) -> Any:
        y = _shares(m, x)
        return sum((d[i] * y[j] - d[j] * y[i] for j in range(len(x)) if j != i), m.zero)

    def at_once(m: Any) -> Any:
        y = _shares(m, x)
        others = [j for j in range(len(x)) if j != i]
        return d[i] * sum((y[j] for j in others), m.zero) - y[i] * sum(d[j] for j in others)

    return pair_by_pair, at_once


def entropy_formulas(x: Array, labels: Array, error: Array, reduction: str) -> Mapping[str, Pairs]:
    """Return the formulas of the cross-entropy of labels, the classes on axis 1."""
    places = [*np.ndindex(labels.shape)]
    count = len(places) if reduction == "mean" else 1

    def line(place: tuple[int, ...]) -> tuple[list[float], int]:
        return np.moveaxis(x, 1, -1)[place].tolist(), int(labels[place])

    def output(at: tuple[int, ...]) -> Pair:
        terms = [_cross_entropy(*line(place)) for place in (places if reduction != "none" else [at])]
        return _mean_of(terms, count)

    def gradient(at: tuple[int, ...]) -> Pair:
        n, c, *place = at
        share = float(error if reduction != "none" else error[(n, *place)])
        return _mean_of([_entropy_slope(*line((n, *place)), c, share)], count)

    return {"output": output, "gradients/input": gradient}


def _mean_of(terms: list[Pair], count: int) -> Pair:
    return (
        lambda m: sum((first(m) for first, _ in terms), m.zero) / count,
        lambda m: sum((second(m) for _, second in terms), m.zero) / count,
    )


def _cross_entropy(x: list[float], t: int) -> Pair:
    """ln(1 + sum of e^(x_j - x_t)) over j other than t, and the same less the largest exponent."""
    others = [v - x[t] for j, v in enumerate(x) if j != t]
    top = max([0.0, *others])

    def shifted(m: Any) -> Any:
        terms = [m.exp(m.mpf(v) - top) for v in [*others, 0.0]]
        largest = terms.index(max(terms))
        return top + m.log1p(sum(terms[:largest] + terms[largest + 1 :], m.zero))

    return lambda m: m.log1p(sum((m.exp(m.mpf(v)) for v in others), m.zero)), shifted


def _entropy_slope(x: list[float], t: int, c: int, share: float) -> Pair:
    """Share times y_c, or less the sum of the other classes' y for the wanted class."""
    counted = [c] if c != t else [j for j in range(len(x)) if j != t]
    sign = share if c != t else -share

    def again(m: Any) -> Any:
        return sign * sum((1 / sum((m.exp(m.mpf(v) - x[j]) for v in x), m.zero) for j in counted), m.zero)

    return lambda m: sign * sum((_shares(m, x)[j] for j in counted), m.zero), again


def binary_formulas(x: Array, target: Array, error: Array, reduction: str) -> Mapping[str, Pairs]:
    """Return the formulas of the binary cross-entropy with logits: (1 - t) s(x) + t s(-x), s the softplus."""
    count = x.size if reduction == "mean" else 1

    def term(at: tuple[int, ...]) -> Pair:
        v, t = float(x[at]), float(target[at])
        return tuple(  # type: ignore[return-value]  # of two curves, two formulas
            lambda m, s=s: (1 - t) * s(m, m.mpf(v)) + t * s(m, -m.mpf(v)) for s in (softplus, softplus_again)
        )

    def share(at: tuple[int, ...]) -> float:
        return float(error if reduction != "none" else error[at])

    def gradient(at: tuple[int, ...]) -> Pair:
        """(1 - t) σ(x) - t σ(-x); for t below 1/2 that is σ(x) - t, else (1 - t) - σ(-x)."""
        v, t, d = float(x[at]), float(target[at]), share(at)

        def again(m: Any) -> Any:
            return d * (logistic_again(m, m.mpf(v)) - t if t < 0.5 else (1 - t) - logistic_again(m, -m.mpf(v)))

        def first(m: Any) -> Any:
            return d * ((1 - t) * logistic(m, m.mpf(v)) - t * logistic(m, -m.mpf(v)))

        return _mean_of([(first, again)], count)

    def of_target(at: tuple[int, ...]) -> Pair:
        v, d = float(x[at]), share(at)
        return _mean_of([(lambda m: -d * m.mpf(v), lambda m: d * (0 - m.mpf(v)))], count)

    places = [*np.ndindex(x.shape)]
    return {
        "output": lambda at: _mean_of([term(p) for p in (places if reduction != "none" else [at])], count),
        "gradients/input": gradient,
        "gradients/target": of_target,
    }


def norm_formulas(x: Array, error: Array, windows: list[list[int]], p: float) -> Mapping[str, Pairs]:
    """Return the formulas of p-norms over windows, given as places in C order within a channel."""
    flat, errors = x.reshape(*x.shape[:2], -1), error.reshape(*error.shape[:2], -1)

    def output(at: tuple[int, ...]) -> Pair:
        n, c, *out = at
        window = int(np.ravel_multi_index(out, error.shape[2:]))
        values = [abs(v) for v in flat[n, c, windows[window]].tolist()]
        return lambda m: _norm(m, values, p), lambda m: _norm_again(m, values, p)

    def gradient(at: tuple[int, ...]) -> Pair:
        n, c, *place = at
        j = int(np.ravel_multi_index(place, x.shape[2:]))
        v, mine = float(flat[n, c, j]), [i for i, places in enumerate(windows) if j in places]
        terms = [(float(errors[n, c, i]), [abs(u) for u in flat[n, c, windows[i]].tolist()]) for i in mine]
        if v == 0:
            return lambda m: m.zero, lambda m: m.zero

        def first(m: Any) -> Any:
            return m.sign(v) * sum((d * _power(m, abs(v) / _norm(m, u, p), p - 1) for d, u in terms), m.zero)

        def again(m: Any) -> Any:
            slopes = [d * _power(m, m.mpf(abs(v)), p - 1) / _power(m, _norm_again(m, u, p), p - 1) for d, u in terms]
            return m.sign(v) * sum(slopes, m.zero)

        return first, again

    return {"output": output, "gradients/input": gradient}


def _power(m: Any, x: Any, p: float) -> Any:
    return m.power(x, p)


def _norm(m: Any, values: list[float], p: float) -> Any:
    return m.power(sum((m.power(m.mpf(v), p) for v in values), m.zero), m.one / p) if any(values) else m.zero


def _norm_again(m: Any, values: list[float], p: float) -> Any:
    """Return the largest times the norm of the quotients by it."""
    top = max(values)
    return top * m.power(sum((m.power(m.mpf(v) / top, p) for v in values), m.zero), m.one / p) if top else m.zero
