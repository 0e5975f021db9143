"""One configuration of a target: built, and run once on inputs and a cotangent that are drawn for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.adapters.trial import outputs_of, quietly
from gradcheck.errors import InvalidInput, LayerFailed
from gradcheck.oracle.like.form import Form
from gradcheck.oracle.like.kinds import WHOLE, Kind
from gradcheck.oracle.like.layouts import shape_in, to_layout
from gradcheck.oracle.like.matching import Matched
from gradcheck.oracle.like.setting import SECOND, STRIDED, Setting
from gradcheck.runner.building import build
from gradcheck.runner.inputs import make, parse_spec
from gradcheck.runner.job import Job
from gradcheck.runner.seeding import seed_global_states
from gradcheck.subject import Passes, Subject, is_floating

Array = NDArray[Any]


@dataclass(frozen=True)
class Bench:
    """A loaded target and what it is held to."""

    job: Job
    found: tuple[Any, ...]
    kind: Kind
    matched: Matched


@dataclass(frozen=True)
class Observation:
    """What a target did in one setting: its inputs by name, the output, and its gradients for a whole cotangent."""

    job: Job
    subject: Subject
    output: Array
    cotangent: Array
    gradients: Mapping[str, Any]


def observe(bench: Bench, form: Form, setting: Setting) -> Observation:
    """Build the target in this setting and run it once.

    Raises
    ------
    GradcheckError
        It cannot be built, or one of its passes raised.
    """
    job = replace(
        bench.job,
        inputs=_specs(bench, form, setting),
        args=bench.matched.args(
            bench.kind, setting, layout=form.layouts["input"], tuples=form.tuples, whole=form.whole
        ),
    )
    seed_global_states(job.seed)
    if "target" in bench.matched.arrays.values():
        job = replace(job, wrt=tuple(n for n, role in bench.matched.arrays.items() if role == "input"))
    subject = build(job, bench.found).subject
    inner = [n for n in subject.inputs if n not in job.inputs and is_floating(subject.inputs[n])]
    specs = {name: f"{_written(subject.inputs[name].shape)}:{_drawn(bench.kind)}" for name in inner}
    drawn = make({n: parse_spec(n, spec) for n, spec in specs.items()}, seed=job.seed, dtype=job.dtype)
    values = {name: drawn[name].astype(subject.inputs[name].dtype) for name in inner}
    subject = subject.at({**subject.inputs, **values})
    return _run(replace(job, inputs={**job.inputs, **specs}), subject, setting.manner)


def _run(job: Job, subject: Subject, manner: str) -> Observation:
    generator = np.random.default_rng([job.seed, 1])
    with quietly():
        passes = subject.fresh()
        handed = _strided if manner == STRIDED else np.copy
        try:
            if manner == SECOND:
                _run_another_batch(passes, subject)
            outputs = outputs_of(passes.forward(_copied(subject.inputs, handed)))
        except LayerFailed:
            raise
        except Exception as err:
            raise LayerFailed(_raised(subject, "forward", err), stage="forward") from err
        if len(outputs) != 1:
            raise InvalidInput(
                f"a layer must have one output to be held to another; {subject.name} has {len(outputs)}."
            )
        output = np.array(outputs[0])
        magnitudes = generator.integers(1, 9, size=output.shape, endpoint=True)
        cotangent = (magnitudes * generator.choice((-1, 1), size=output.shape)).astype(output.dtype)
        try:
            gradients = passes.backward((handed(cotangent),), _copied(subject.inputs, handed))
        except LayerFailed:
            raise
        except Exception as err:
            raise LayerFailed(_raised(subject, "backward", err), stage="backward") from err
    return Observation(job, subject, output, cotangent, dict(gradients))


def _specs(bench: Bench, form: Form, setting: Setting) -> dict[str, str]:
    """Return the specification of each array that the target is given."""
    specs = {}
    for name, role in bench.matched.arrays.items():
        sizes = bench.kind.sizes(role, setting)
        if role == "target":
            specs[name] = _labels(form.layouts["target"], setting)
        else:
            values = bench.kind.values if role == "input" else _drawn(bench.kind)
            specs[name] = f"{_written(shape_in(form.layouts[role], sizes))}:{values}"
    return specs


def _labels(layout: str, setting: Setting) -> str:
    """Write labels that differ from row to row: class numbers, or rows with a single 1."""
    labels = np.array([(2 * row + 1) % setting.channels for row in range(setting.batch)])
    if "C" not in layout:
        return f"{to_layout(labels, 'N', layout).tolist()}:int" if "N" in layout else f"{labels.tolist()}:int"
    rows = np.eye(setting.channels)[labels]
    return str(to_layout(rows if "N" in layout else rows[:1], "NC", layout).tolist())


def _drawn(kind: Kind) -> str:
    return kind.values if kind.values != "distinct" else WHOLE


def _written(shape: tuple[int, ...]) -> str:
    return ",".join(map(str, shape)) or "()"


def _copied(inputs: Mapping[str, Any], handed: Callable[[Array], Array] = np.copy) -> dict[str, Any]:
    return {name: handed(value) if isinstance(value, np.ndarray) else value for name, value in inputs.items()}


def _strided(x: Array) -> Array:
    """Return x as every second entry of a larger array along its last axis, in Fortran order along the others."""
    if not x.ndim:
        return x.copy()
    room = np.full((*x.shape[:-1], 2 * x.shape[-1]), 77, x.dtype, order="F")
    view: Array = room[..., ::2]
    view[...] = x
    return view


def _run_another_batch(passes: Passes, subject: Subject) -> None:
    """Send other values through both passes first: what they leave behind must not show in what comes after."""
    first = subject.wrt[0]
    other = {**_copied(subject.inputs), first: 1 - subject.inputs[first]}
    output = outputs_of(passes.forward(other))[0]
    passes.backward((np.ones_like(output),), other)


def _raised(subject: Subject, stage: str, error: Exception) -> str:
    return f"{subject.name}'s {stage} raised {type(error).__name__}: {error}"
