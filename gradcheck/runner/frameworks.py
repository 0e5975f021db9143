"""Targets that belong to a framework or to a tape of one's own: a function, or a class to be constructed first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gradcheck.adapters.case import returns_case
from gradcheck.adapters.frameworks import (
    FRAMEWORKS,
    Request,
    framework_of,
    must_be_constructed,
    read_framework,
    read_tape,
)
from gradcheck.errors import InvalidInput
from gradcheck.runner.arguments import distribute, parse_value, takes
from gradcheck.runner.constructing import construct
from gradcheck.runner.job import Job
from gradcheck.runner.targets import Target, parse_target
from gradcheck.subject import Subject


def to_load(job: Job, target: Target) -> Target:
    """Return the target with what `--wrap` names besides, which must come from the very same run of its file."""
    return replace(target, names=(*target.names, job.wrap)) if _names_nodes(job) else target


def read_framework_target(job: Job, name: str, loaded: Sequence[Any], inputs: Mapping[str, Any]) -> Subject | None:
    """Read the target by a framework's adapter or as a layer on a tape; None where neither is asked for or seen.

    Raises
    ------
    InvalidInput, InvalidLayer, MissingExtra, LayerFailed
        As the adapter.
    """
    if job.wrap and len(parse_target(job.target).names) > 1:
        raise InvalidInput(
            "--wrap must go with one function or class, whose backward is its tape's; the target is a pair."
        )
    if len(loaded) > 1 and not job.wrap:
        return None
    found, wrt, read = loaded[0], job.wrt or None, _reader(job, loaded[-1])
    if isinstance(found, type) and must_be_constructed(found):
        call = getattr(found, "forward", None) or _own_call(found)
        if call is None or (read is None and framework_of(found) is None and hasattr(found, "backward")):
            return None
        names = takes(call)
        names = replace(names, names=names.names[1:], required=names.required[1:])
        made = construct(found, name, job.args, inputs, call=names)
        _, constants = distribute(job.args, made.constructor, names)
        request = Request(made.layer, made.inputs, wrt=wrt, constants=constants, factory=made.factory, name=name)
    else:
        constants = {key.removeprefix("call."): parse_value(text) for key, text in job.args.items()}
        request = Request(found, inputs, wrt=wrt, constants=constants, name=name)
    framework = framework_of(request.layer) if read is None else None
    if read is None and (framework is None or returns_case(request.layer, request.inputs, request.constants)):
        return None
    return read(request) if read is not None else read_framework(str(framework), request)


def _own_call(kind: type) -> Any:
    """Return the `__call__` of a class, if any: every class can be called itself."""
    return next((vars(base)["__call__"] for base in kind.__mro__ if "__call__" in vars(base)), None)


def _names_nodes(job: Job) -> bool:
    return bool(job.wrap) and job.wrap not in FRAMEWORKS


def _reader(job: Job, wrap: Any) -> Callable[[Request], Subject] | None:
    if not job.wrap:
        return None
    if _names_nodes(job):
        return lambda request: read_tape(request, wrap, job.grad_attr)
    return lambda request: read_framework(FRAMEWORKS[job.wrap], request)
