"""Mistakes in the gradients of normalisations and of softmax."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, Make, Pair, normal, pair

EPSILON = 1e-5
BATCH = normal(scale=1.5, offset=0.5, x=(6, 4), gamma=(4,), beta=(4,))
ROWS = normal(scale=1.5, offset=0.5, x=(5, 4))


def standardise(x: Any, axis: int, epsilon: float = EPSILON) -> tuple[Any, Any]:
    """Return x brought to mean 0 and variance 1 along an axis, and the standard deviation it was divided by."""
    deviation = np.sqrt(x.var(axis=axis, keepdims=True) + epsilon)
    return (x - x.mean(axis=axis, keepdims=True)) / deviation, deviation


def through(g: Any, normed: Any, axis: int) -> Any:
    """Return grad_output without its mean and without its part along the normalised values."""
    return g - g.mean(axis=axis, keepdims=True) - normed * (g * normed).mean(axis=axis, keepdims=True)


def batch_norm(wrong: Any, epsilon: float = EPSILON) -> Make:
    """Return a maker of batch norm, with wrong(grad_normed, x) as the gradient of x."""

    def backward(g: Any, x: Any, gamma: Any, _beta: Any) -> Any:
        return wrong(g * gamma, x), (g * standardise(x, 0, epsilon)[0]).sum(axis=0), g.sum(axis=0)

    return pair(lambda x, gamma, beta: standardise(x, 0, epsilon)[0] * gamma + beta, backward)


def layer_norm(wrong: Any) -> Make:
    """Return a maker of layer norm without parameters, with wrong(g, x) as the gradient."""
    return pair(lambda x: standardise(x, 1)[0], wrong)


def _right(g: Any, x: Any, axis: int = 0, epsilon: float = EPSILON) -> Any:
    normed, deviation = standardise(x, axis, epsilon)
    return through(g, normed, axis) / deviation


def _without_mean(g: Any, x: Any) -> Any:
    normed, deviation = standardise(x, 0)
    return (g - normed * (g * normed).mean(axis=0)) / deviation


def _without_variance(g: Any, x: Any, axis: int = 0) -> Any:
    return (g - g.mean(axis=axis, keepdims=True)) / standardise(x, axis)[1]


def _sample_variance(g: Any, x: Any) -> Any:
    normed, deviation = standardise(x, 0)
    n = len(x)
    return (g - g.mean(axis=0) - normed * (g * normed).sum(axis=0) / max(n - 1, 1)) / deviation


BATCH_NORM = Pair(*batch_norm(_right)())


def _rms(x: Any) -> Any:
    return x / np.sqrt((x**2).mean(axis=1, keepdims=True) + EPSILON)


def _rms_without_norm(g: Any, x: Any) -> Any:
    return g / np.sqrt((x**2).mean(axis=1, keepdims=True) + EPSILON)


def _unit(x: Any) -> Any:
    return x / np.sqrt((x**2).sum(axis=1, keepdims=True))


def _unit_projected_on_input(g: Any, x: Any) -> Any:
    return (g - x * (g * x).sum(axis=1, keepdims=True)) / np.sqrt((x**2).sum(axis=1, keepdims=True))


def _group_norm(x: Any) -> Any:
    return standardise(x.reshape(len(x), 2, -1), 2)[0].reshape(x.shape)


def _layer_norm_for_groups(g: Any, x: Any) -> Any:
    return _right(g, x, axis=1)


def _weight_norm(v: Any, scale: Any) -> Any:
    return scale * v / np.sqrt((v**2).sum())


def _weight_norm_scale_forgotten(g: Any, v: Any, _scale: Any) -> Any:
    length = np.sqrt((v**2).sum())
    unit = v / length
    return (g - unit * (g * unit).sum()) / length, np.asarray((g * unit).sum())


FAULTS = (
    Fault(
        "normalisation/batch/mean-path-missing",
        "mean-path-missing",
        ("x",),
        batch_norm(_without_mean),
        BATCH,
        "the mean is taken as a constant",
        also=("path-missing",),
    ),
    Fault(
        "normalisation/batch/variance-path-missing",
        "variance-path-missing",
        ("x",),
        batch_norm(_without_variance),
        BATCH,
        "the variance is taken as a constant",
        also=("path-missing",),
    ),
    Fault(
        "normalisation/batch/both-paths-missing",
        "path-missing",
        ("x",),
        batch_norm(lambda g, x: g / standardise(x, 0)[1]),
        BATCH,
        "mean and variance are taken as constants",
    ),
    Fault(
        "normalisation/batch/epsilon-forgotten",
        "epsilon-forgotten",
        ("x",),
        batch_norm(lambda g, x: _right(g, x, epsilon=0.0), epsilon=1e-3),
        BATCH,
        "forward adds 1e-3 to the variance and backward does not",
    ),
    Fault(
        "normalisation/batch/small-epsilon-forgotten",
        "epsilon-forgotten",
        ("x",),
        batch_norm(lambda g, x: _right(g, x, epsilon=0.0)),
        BATCH,
        "forward adds 1e-5 to a variance of about 2 and backward does not: a relative error of about 1e-5",
    ),
    Fault(
        "normalisation/batch/n-minus-one",
        "other",
        ("x",),
        batch_norm(_sample_variance),
        BATCH,
        "backward divides by N - 1 where forward divided by N",
    ),
    Fault(
        "normalisation/batch/gamma-forgotten",
        "other",
        ("x",),
        pair(BATCH_NORM.forward, lambda g, x, _a, b: BATCH_NORM.backward(g, x, np.ones_like(b), b)),
        BATCH,
        "the input's gradient lacks the factor gamma",
    ),
    Fault(
        "normalisation/batch/gamma-of-raw-input",
        "other",
        ("gamma",),
        pair(
            BATCH_NORM.forward,
            lambda g, x, a, b: (BATCH_NORM.backward(g, x, a, b)[0], (g * x).sum(axis=0), g.sum(axis=0)),
        ),
        BATCH,
        "gamma's gradient uses the input where the normalised input belongs",
    ),
    Fault(
        "normalisation/batch/beta-mean",
        "bias-mean",
        ("beta",),
        pair(BATCH_NORM.forward, lambda g, x, a, b: (*BATCH_NORM.backward(g, x, a, b)[:2], g.mean(axis=0))),
        BATCH,
        "beta gets the mean over the batch",
    ),
    Fault(
        "normalisation/batch/running-statistics-differentiated",
        "other",
        ("x",),
        pair(lambda x: (x - 0.4) / 1.3, _right),
        ROWS,
        "in evaluation the statistics are constants; backward treats them as in training",
    ),
    Fault(
        "normalisation/layer/over-the-batch",
        "transposed",
        ("x",),
        layer_norm(lambda g, x: _right(g, x, axis=0)),
        ROWS,
        "forward normalises rows and backward columns",
    ),
    Fault(
        "normalisation/layer/variance-path-missing",
        "variance-path-missing",
        ("x",),
        layer_norm(lambda g, x: _without_variance(g, x, axis=1)),
        ROWS,
        "the variance is taken as a constant",
        also=("path-missing",),
    ),
    Fault(
        "normalisation/rms/norm-taken-as-constant",
        "variance-path-missing",
        ("x",),
        pair(_rms, _rms_without_norm),
        ROWS,
        "the root mean square is taken as a constant",
        also=("path-missing",),
    ),
    Fault(
        "normalisation/unit/projected-on-the-input",
        "f-prime-at-input",
        ("x",),
        pair(_unit, _unit_projected_on_input),
        ROWS,
        "the part along the input is removed where that along the output belongs",
    ),
    Fault(
        "normalisation/group/whole-layer",
        "groups-mixed",
        ("x",),
        pair(_group_norm, _layer_norm_for_groups),
        normal(x=(3, 8)),
        "forward normalises two groups of features and backward all of them together",
    ),
    Fault(
        "normalisation/weight/scale-forgotten",
        "other",
        ("v",),
        pair(_weight_norm, _weight_norm_scale_forgotten),
        lambda rng: {"v": rng.standard_normal((3, 4)), "scale": np.array(2.5)},
        "the direction's gradient lacks the factor scale",
        also=("factor",),
    ),
)
