"""From a job to a Subject: load the target, construct it, make the inputs, choose how it is read. Runs in the child."""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gradcheck.adapters.lists import heads
from gradcheck.adapters.methods import entry_of, methods_of
from gradcheck.adapters.reading import Hints, read_plain
from gradcheck.adapters.roles import is_required
from gradcheck.adapters.spellings import DERIVATIVE_FLAGS, bound_flag, plain
from gradcheck.errors import InvalidInput, InvalidLayer, did_you_mean
from gradcheck.runner.arguments import Takes, distribute, parse_value, takes
from gradcheck.runner.constructing import construct
from gradcheck.runner.frameworks import read_framework_target, to_load
from gradcheck.runner.importing import root_notes
from gradcheck.runner.inputs import make, parse_spec, spread
from gradcheck.runner.job import Job
from gradcheck.runner.substitutes import notes_on, put_in_place
from gradcheck.runner.targets import clash_note, load, parse_target
from gradcheck.subject import Subject

_TAKES_NOTHING = Takes()


@dataclass(frozen=True)
class Built:
    """What a job comes to: a subject, and the further points to check it at."""

    subject: Subject
    points: tuple[dict[str, Any], ...] | None = None


def build(job: Job, found: tuple[Any, ...] | None = None) -> Built:
    """Load and read the job's target; `found` is what was loaded already, for one of many configurations.

    Raises
    ------
    TargetError, InvalidInput, InvalidLayer
        The job names something that does not exist, or leaves out what is needed.
    LayerFailed
        The target's module or constructor, or a trial run, raised.
    """
    target = parse_target(job.target)
    inputs = _inputs(job, job.inputs, job.seed)
    found = load_target(job) if found is None else found
    subject = read_framework_target(job, target.names[0], found, inputs)
    if subject is None:
        subject = _pair(job, found, inputs) if len(target.names) == 2 else _one(job, found[0], inputs, target.names[0])
    notes = [*notes_on(job.stubs, old_numpy=job.old_numpy), *root_notes(), *filter(None, [clash_note(target)])]
    subject = replace(subject, notes=(*subject.notes, *notes))
    if job.points is None:
        return Built(subject)
    drawn = [_inputs(job, point, job.seed + number) for number, point in enumerate(job.points, 1)]
    return Built(subject, tuple({**subject.inputs, **point} for point in drawn))


def load_target(job: Job) -> tuple[Any, ...]:
    """Load the objects that the job's target names, with the substitutes that it asks for."""
    put_in_place(job.stubs, old_numpy=job.old_numpy)
    return load(to_load(job, parse_target(job.target)))


def _inputs(job: Job, specs: Mapping[str, str], seed: int) -> dict[str, Any]:
    return make({n: parse_spec(n, spec) for n, spec in spread(specs).items()}, seed=seed, dtype=job.dtype)


def _pair(job: Job, found: tuple[Any, ...], inputs: dict[str, Any]) -> Subject:
    for one in found:
        if isinstance(one, type) or not callable(one):
            raise InvalidLayer(f"a pair must be two functions; {getattr(one, '__name__', one)!r} is none.")
    call = takes(found[0])
    _, constants = distribute(job.args, Takes(), _together(call, takes(found[1])))
    _check_inputs(found[0], inputs, constants)
    _check_names(inputs, call)
    return _read(job, found, inputs, constants, name=getattr(found[0], "__name__", ""))


def _read(
    job: Job,
    layer: Any,
    inputs: dict[str, Any],
    constants: dict[str, Any],
    *,
    name: str,
    factory: Callable[[], Any] | None = None,
) -> Subject:
    hints = Hints(grads=job.grads, constants=constants, passing=job.passing, scale=job.scale)
    return read_plain(layer, inputs, wrt=job.wrt or None, factory=factory, name=name, hints=hints)


def _one(job: Job, found: Any, inputs: dict[str, Any], name: str) -> Subject:
    if isinstance(found, type):
        return _class(job, found, inputs, name)
    if methods_of(found):
        return _instance(job, found, inputs, name=name)
    if callable(found):
        constants = {key.removeprefix("call."): parse_value(text) for key, text in job.args.items()}
        _check_inputs(found, inputs, constants, spare=DERIVATIVE_FLAGS)
        return _read(job, found, inputs, constants, name=name)
    raise InvalidLayer(
        f"a target must be a class or object with forward and backward, a pair of functions or a case; "
        f"{name!r} is of type {type(found).__name__}."
    )


def _class(job: Job, kind: type, inputs: dict[str, Any], name: str) -> Subject:
    if not methods_of(kind):
        missing = next((m for m in ("forward", "backward") if not callable(getattr(kind, m, None))), "backward")
        raise InvalidLayer(
            f"a class must have the methods forward and backward, or the like (forward_pass, backprop, gradient, ...); "
            f"{name} has no {missing}."
        )
    made = construct(kind, name, job.args, inputs, call=_calls_of(kind))
    return _instance(job, made.layer, dict(made.inputs), name=name, factory=made.factory, constructor=made.constructor)


def _instance(
    job: Job,
    layer: Any,
    inputs: dict[str, Any],
    *,
    name: str,
    factory: Callable[[], Any] | None = None,
    constructor: Takes = _TAKES_NOTHING,
) -> Subject:
    """Read an object, with the call's hyperparameters; `factory` makes another where it can't be copied."""
    _, constants = distribute(job.args, constructor, _calls_of(layer))
    _check_inputs(getattr(layer, entry_of(layer)), inputs, constants)
    return _read(job, layer, inputs, constants, name=name, factory=factory)


def _calls_of(owner: Any) -> Takes:
    """Return what the two passes of an object, or of a class, take by name."""
    forward, backward = entry_of(owner), methods_of(owner)[0][1]
    both = _together(takes(getattr(owner, forward)), takes(getattr(owner, backward)))
    if not isinstance(owner, type):
        return both
    return replace(both, names=tuple(name for name in both.names if name != "self"))


def _together(one: Takes, other: Takes) -> Takes:
    return Takes(tuple(dict.fromkeys((*one.names, *other.names))), one.required, one.any)


def _check_inputs(
    forward: Callable[..., Any],
    inputs: Mapping[str, Any],
    constants: Mapping[str, Any],
    *,
    spare: Collection[str] = (),
) -> None:
    """Raise where forward needs an argument that is neither an input nor a constant, nor a flag that is set for it."""
    try:
        parameters = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):
        parameters = []  # type: ignore[assignment]  # nothing to look at
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    given = {*heads(inputs), *constants}
    missing = [p.name for p in named if is_required(p) and p.name not in given and not _is_flag(p, spare)]
    if missing or not inputs:
        names = ", ".join(p.name for p in named) or "anything"
        examples = " ".join(f"--input {name}=2,3" for name in (missing or ["x"]))
        lacking = f"{', '.join(f'`{name}`' for name in missing)} is not given" if missing else "none is given"
        raise InvalidInput(
            f"every argument of forward must be an input or an --arg; it takes {names}, and {lacking}. "
            f"Give shapes (or values), for instance {examples}{'' if inputs else _suggestion(forward)}"
        )


def _suggestion(forward: Callable[..., Any]) -> str:
    """Name the kind of layer that the target seems to be, which needs no inputs to be swept like one."""
    name = plain(getattr(forward, "__qualname__", ""))
    kind = next((kind for words, kind in _KINDS if all(word in name for word in words)), "")
    return f"; or --like {kind}, which needs none" if kind else ""


# Words in a target's name, and the kind of layer that it is then, the most telling first.
_KINDS = (
    (("conv", "trans"), "conv_transpose2d"), (("deconv",), "conv_transpose2d"), (("conv", "1d"), "conv1d"),
    (("conv", "3d"), "conv3d"), (("conv",), "conv2d"), (("av", "pool"), "avg_pool2d"), (("mean", "pool"), "avg_pool2d"),
    (("pool",), "max_pool2d"), (("batch", "norm"), "batch_norm"), (("softmax", "entropy"), "softmax_cross_entropy"),
    (("crossentropy",), "softmax_cross_entropy"), (("dense",), "linear"), (("linear",), "linear"),
    (("affine",), "linear"), (("fullyconnected",), "linear"), (("relu",), "activation"), (("sigmoid",), "activation"),
    (("tanh",), "activation"), (("elu",), "activation"), (("swish",), "activation"), (("softplus",), "activation"),
)  # fmt: skip


def _is_flag(parameter: inspect.Parameter, spare: Collection[str]) -> bool:
    name = parameter.name
    return plain(name) in spare or bound_flag(name, parameter.default, required=is_required(parameter)) is not None


def _check_names(inputs: Mapping[str, Any], call: Takes) -> None:
    for name in heads(inputs):
        if call.names and name not in call.names and not call.any:
            near = did_you_mean(name, call.names) or "."
            raise InvalidInput(
                f"an input must be an argument of forward ({', '.join(call.names)}); `{name}` is not{near}"
            )
