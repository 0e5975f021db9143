"""From a job to a Subject: load the target, construct it, make the inputs, choose how it is read. Runs in the child."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gradcheck.adapters.case import read_case
from gradcheck.adapters.reading import subject_of
from gradcheck.adapters.stateful import read_stateful
from gradcheck.errors import InvalidInput, InvalidLayer, did_you_mean
from gradcheck.runner.arguments import Takes, distribute, parse_value, takes
from gradcheck.runner.binding import bind, bind_layer
from gradcheck.runner.constructing import construct
from gradcheck.runner.frameworks import read_framework_target, to_load
from gradcheck.runner.inputs import make, parse_spec
from gradcheck.runner.job import Job
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
    found = load(to_load(job, target)) if found is None else found
    subject = read_framework_target(job, target.names[0], found, inputs)
    if subject is None:
        subject = _pair(job, found, inputs) if len(target.names) == 2 else _one(job, found[0], inputs, target.names[0])
    note = clash_note(target)
    subject = replace(subject, notes=(*subject.notes, note)) if note else subject
    if job.points is None:
        return Built(subject)
    drawn = [_inputs(job, point, job.seed + number) for number, point in enumerate(job.points, 1)]
    return Built(subject, tuple({**subject.inputs, **point} for point in drawn))


def _inputs(job: Job, specs: Mapping[str, str], seed: int) -> dict[str, Any]:
    return make({name: parse_spec(name, spec) for name, spec in specs.items()}, seed=seed, dtype=job.dtype)


def _pair(job: Job, found: tuple[Any, ...], inputs: dict[str, Any]) -> Subject:
    forward, backward = found
    for one in found:
        if isinstance(one, type) or not callable(one):
            raise InvalidLayer(f"a pair must be two functions; {getattr(one, '__name__', one)!r} is none.")
    call = takes(forward)
    _, constants = distribute(job.args, Takes(), Takes((*call.names, *takes(backward).names), call.required, call.any))
    _check_inputs(forward, inputs, constants)
    _check_names(inputs, call)
    pair = bind(forward, constants), bind(backward, constants)
    return subject_of(pair, inputs, wrt=job.wrt or None, name=getattr(forward, "__name__", ""))


def _one(job: Job, found: Any, inputs: dict[str, Any], name: str) -> Subject:
    if isinstance(found, type):
        return _class(job, found, inputs, name)
    if hasattr(found, "forward") and hasattr(found, "backward"):
        return _instance(job, found, inputs, name=name)
    if callable(found):
        return _case(job, found, inputs, name)
    raise InvalidLayer(
        f"a target must be a class or object with forward and backward, a pair of functions or a case; "
        f"{name!r} is of type {type(found).__name__}."
    )


def _class(job: Job, kind: type, inputs: dict[str, Any], name: str) -> Subject:
    for method in ("forward", "backward"):
        if not callable(getattr(kind, method, None)):
            raise InvalidLayer(f"a class must have the methods forward and backward; {name} has no {method}.")
    call = takes(kind.forward)  # type: ignore[attr-defined]  # just looked up
    call = replace(call, names=call.names[1:], required=call.required[1:])
    made = construct(kind, name, job.args, inputs, call=call)
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
    """Read an object, with the call's hyperparameters filled in; `factory` makes another where it can't be copied."""
    call = takes(layer.forward)
    _, constants = distribute(job.args, constructor, call)
    _check_inputs(layer.forward, inputs, constants)
    bound = bind_layer(layer, constants)
    again = None if factory is None else lambda: bind_layer(factory(), constants)
    if job.grads:
        return read_stateful(bound, inputs, wrt=job.wrt or None, factory=again, name=name, grads=job.grads)
    return subject_of(bound, inputs, wrt=job.wrt or None, factory=again, name=name)


def _case(job: Job, case: Callable[..., Any], inputs: dict[str, Any], name: str) -> Subject:
    constants = {key.removeprefix("call."): parse_value(text) for key, text in job.args.items()}
    _check_inputs(case, inputs, constants)

    def checked(**values: Any) -> Any:
        returned = case(**values, **constants)
        if not (isinstance(returned, tuple) and len(returned) == 2 and callable(returned[1])):
            raise InvalidLayer(
                f"a single function must be a case, which returns (output, pullback); {name} returned "
                f"{type(returned).__name__}. For a pair of functions name both: FILE:{name},BACKWARD."
            )
        return returned

    subject = read_case(checked, inputs, name=name)
    return replace(subject, wrt=job.wrt) if job.wrt else subject


def _check_inputs(forward: Callable[..., Any], inputs: Mapping[str, Any], constants: Mapping[str, Any]) -> None:
    """Raise where forward needs an argument that is neither an input nor a constant."""
    try:
        parameters = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):
        parameters = []  # type: ignore[assignment]  # nothing to look at
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    missing = [p.name for p in named if p.default is p.empty and p.name not in inputs and p.name not in constants]
    if missing or not inputs:
        names = ", ".join(p.name for p in named) or "anything"
        examples = " ".join(f"--input {name}=2,3" for name in (missing or ["x"]))
        lacking = f"{', '.join(f'`{name}`' for name in missing)} is not given" if missing else "none is given"
        raise InvalidInput(
            f"every argument of forward must be an input or an --arg; it takes {names}, and {lacking}. "
            f"Give shapes (or values), for instance {examples}"
        )


def _check_names(inputs: Mapping[str, Any], call: Takes) -> None:
    for name in inputs:
        if call.names and name not in call.names and not call.any:
            near = did_you_mean(name, call.names) or "."
            raise InvalidInput(
                f"an input must be an argument of forward ({', '.join(call.names)}); `{name}` is not{near}"
            )
