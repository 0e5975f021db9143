"""The rounded cases of the activations: each by the region of its inputs, since that is where mistakes show."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.oracle.case import DTYPES, Array, Case
from gradcheck.oracle.correct import Formula, correctly_rounded
from gradcheck.oracle.drawing import integers
from gradcheck.oracle.formulas import FORMULAS, Curve

WIDE = ("float32", "float64")


@dataclass(frozen=True)
class Region:
    """Inputs of one kind, all exact in the narrowest of the dtypes that they are for."""

    name: str
    inputs: tuple[float, ...]
    dtypes: tuple[str, ...] = DTYPES


def _both(magnitudes: Sequence[float]) -> tuple[float, ...]:
    return tuple(sign * x for x in magnitudes for sign in (-1.0, 1.0))


# exp(-x) becomes subnormal, and then zero, at 9.7 and 17.3 in float16, 87.3 and 104 in float32, 708 and 745 in float64.
TAIL = [4 + i / 4 for i in range(57)] + [19.0 + 2 * i for i in range(45)]
FAR = [110.0 + 12 * i for i in range(44)] + [640.0 + 3 * i for i in range(40)]

REGIONS = (
    Region("near-zero", (0.0, *_both([mantissa * 2.0**-k for k in range(1, 15) for mantissa in (1.0, 1.375)]))),
    Region("subnormal-input", _both([k * 2.0**-24 for k in (1, 2, 3, 5, 100, 1023)])),
    Region("moderate", tuple(i / 16 for i in range(-64, 65))),
    Region("left-tail", tuple(-x for x in TAIL)),
    Region("right-tail", tuple(TAIL)),
    Region("far-left-tail", tuple(-x for x in FAR)),
    Region("far-right-tail", tuple(FAR)),
    Region("huge", _both([1024.0, 2000.0, 4096.0, 10000.0, 32768.0, 65504.0])),
    Region("huge-single", _both([2.0**k for k in (17, 30, 42, 43, 63, 64, 100, 126, 127)]), WIDE),
    Region("huge-double", _both([2.0**k for k in (129, 200, 341, 342, 511, 512, 1000, 1023)]), ("float64",)),
    Region("tiny-single", _both([2.0**-k for k in (30, 60, 75, 100, 126, 127, 140, 149)]), WIDE),
    Region("tiny-double", _both([2.0**-k for k in (155, 300, 511, 538, 900, 1022, 1040, 1074)]), ("float64",)),
)

# operation, name, hyperparameters, kinks (excluded); each for all regions
SMOOTH: tuple[tuple[str, str, dict[str, Any], tuple[float, ...]], ...] = (
    ("sigmoid", "", {}, ()),
    ("log_sigmoid", "", {}, ()),
    ("tanh", "", {}, ()),
    ("tanh_shrink", "", {}, ()),
    ("softplus", "", {"beta": 1, "threshold": None}, ()),
    ("softplus", "beta-two-", {"beta": 2, "threshold": None}, ()),
    ("softplus", "threshold-", {"beta": 1, "threshold": 20}, ()),
    ("softsign", "", {}, ()),
    ("elu", "", {"alpha": 1}, ()),
    ("elu", "alpha-two-", {"alpha": 2}, (0.0,)),
    ("selu", "", {}, (0.0,)),
    ("celu", "alpha-two-", {"alpha": 2}, ()),
    ("gelu", "", {"approximate": "none"}, ()),
    ("gelu", "tanh-", {"approximate": "tanh"}, ()),
    ("silu", "", {}, ()),
    ("mish", "", {}, ()),
    ("hard_sigmoid", "", {}, (-3.0, 3.0)),
    ("hard_swish", "", {}, (-3.0, 3.0)),
)


@dataclass(frozen=True)
class Plan:
    """A rounded case before its results are computed."""

    name: str
    operation: str
    hyperparameters: dict[str, Any]
    inputs: Array
    dtypes: tuple[str, ...]


def plans() -> Iterator[Plan]:
    """Yield a plan for each activation and region."""
    for operation, prefix, hyperparameters, kinks in SMOOTH:
        for region in REGIONS:
            inputs = np.array([x for x in region.inputs if x not in kinks], region.dtypes[0])
            name = f"{operation}/{prefix}{region.name}"
            yield Plan(name, operation, hyperparameters, inputs, region.dtypes)


def case_of(plan: Plan, flags: tuple[str, ...]) -> Case:
    """Compute a case; grad_output is ±1, ±2 or ±4, by which no float is rounded that is not subnormal."""
    formulas, how = FORMULAS[plan.operation], plan.hyperparameters
    drawn = integers(f"{plan.name}/grad_output", plan.inputs.shape, 0, 5)
    error = (2.0 ** (drawn % 3) * np.where(drawn < 3, 1, -1)).astype(np.int8)
    results: dict[str, list[float]] = {}
    for x, d in zip(plan.inputs.tolist(), error.tolist(), strict=True):
        label = f"{plan.name} at {x!r}"
        value = correctly_rounded(_both_at(formulas.value, x, 1, how), plan.dtypes, label=label)
        slope = correctly_rounded(_both_at(formulas.slope, x, d, how), plan.dtypes, label=f"{label}, slope")
        for dtype in plan.dtypes:
            results.setdefault(f"output/{dtype}", []).append(value[dtype])
            results.setdefault(f"gradients/input/{dtype}", []).append(slope[dtype])
    tensors = {role: np.array(values, role.rsplit("/", 1)[1]) for role, values in results.items()}
    tensors |= {"inputs/input": plan.inputs, "grad_output": error}
    return Case(plan.name, plan.operation, how, "rounded", flags, plan.dtypes, ("input",), tensors)


def _both_at(curves: tuple[Curve, Curve], x: float, factor: int, how: dict[str, Any]) -> tuple[Formula, Formula]:
    first, second = curves
    return lambda m: factor * first(m, m.mpf(x), **how), lambda m: factor * second(m, m.mpf(x), **how)
