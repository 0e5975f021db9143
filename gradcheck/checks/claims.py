"""What backward returned, looked at before any judging: number, names, shapes, dtypes, None, finite."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.checks.derived import elsewhere
from gradcheck.checks.instrument import Instrument, same_claims
from gradcheck.checks.outputs import Form, is_numeric
from gradcheck.errors import GradcheckError, LayerFailed, LayerFault
from gradcheck.numdiff.records import Vector
from gradcheck.subject import Array, Inputs, Subject
from gradcheck.verdict import Finding, Severity


def first_claim(
    instrument: Instrument, flat: Vector, inputs: Inputs, form: Form, *, thrifty: bool = False
) -> dict[str, Any]:
    """Return backward's first answer, and learn whether it needs a forward at the same inputs right before.

    A layer of the contract gets its inputs again and is first asked without a forward. Where that raises, or answers
    otherwise than after a forward, the ordinary order of use counts: forward, then backward. `thrifty` takes the
    ordinary order at once.

    Raises
    ------
    LayerFailed
        backward raises in both orders.
    LayerFault
        What it returned is no set of gradients.
    """
    cotangents = form.cut(flat)
    if instrument.subject.stateful:
        return instrument.raw_backward(cotangents, inputs, collect=True)
    if thrifty:
        instrument.needs_forward = True
        return instrument.raw_backward(cotangents, inputs, collect=True)
    instrument.needs_forward = False  # a glance before may have taken the ordinary order for granted
    _see_something_else(instrument, inputs)
    try:
        alone = instrument.raw_backward(cotangents, inputs)
    except (LayerFailed, LayerFault):
        alone = None
    passes = instrument.fresh()
    instrument.run_forward(passes, inputs)
    after = instrument.raw_backward(cotangents, inputs, passes=passes, collect=True)
    instrument.needs_forward = alone is None or not same_claims(alone, after)
    return after


def _see_something_else(instrument: Instrument, inputs: Inputs) -> None:
    """Call forward at other inputs, so that state which instances share (a global cache) is not that of this point."""
    try:
        instrument.run_forward(instrument.fresh(), elsewhere(inputs, instrument.subject.wrt))
    except GradcheckError:
        return


def claim_findings(claims: Mapping[str, Any], inputs: Inputs, subject: Subject, *, asked: bool) -> list[Finding]:
    """Return what is wrong with the gradients as objects: shape, dtype, finite, missing.

    `asked` says that the caller named the arguments under test, so that none of them may go unclaimed.
    """
    findings = []
    for name in subject.wrt:
        value = claims.get(name)
        if value is None:
            findings.append(_unclaimed(name, asked=asked))
        else:
            findings += _of_one(name, value, inputs[name])
    if subject.wrt and all(claims.get(name) is None for name in subject.wrt):
        findings.append(Finding("gradient-missing", "backward claims no gradient for any input."))
    return findings


def _unclaimed(name: str, *, asked: bool) -> Finding:
    severity = Severity.ERROR if asked else Severity.NOTE
    return Finding(
        "gradient-unclaimed", f"backward claims no gradient for `{name}`; it was not judged.", severity, name
    )


def _of_one(name: str, value: Any, like: Array) -> list[Finding]:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        array = np.asarray(None)
    if isinstance(value, np.ma.MaskedArray) or not is_numeric(array.dtype):
        return [
            Finding(
                "gradient-type",
                f"The gradient of `{name}` must be an array of numbers; it is {_kind(value)}.",
                argument=name,
            )
        ]
    if array.shape != like.shape:
        text = f"The gradient of `{name}` must have its shape {like.shape}; it has {array.shape}."
        return [Finding("gradient-shape", text, argument=name, evidence={"expected": like.shape, "found": array.shape})]
    if np.iscomplexobj(array):
        return [
            Finding(
                "gradient-dtype", f"The gradient of `{name}` must be real; its dtype is {array.dtype}.", argument=name
            )
        ]
    findings = []
    if array.dtype.newbyteorder("=") != like.dtype.newbyteorder("="):
        text = f"The gradient of `{name}` should have its dtype {like.dtype}; it has {array.dtype}."
        findings.append(
            Finding(
                "gradient-dtype", text, Severity.WARNING, name, {"expected": str(like.dtype), "found": str(array.dtype)}
            )
        )
    return findings + nonfinite(name, array)


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray):
        return f"an array of dtype {value.dtype}"
    return type(value).__name__


def nonfinite(name: str, gradient: Array, *, when: str = "") -> list[Finding]:
    """Return the finding on a gradient that is not finite, or none; `when` says where or for what, as the end."""
    bad = int(np.count_nonzero(~np.isfinite(gradient)))
    if not bad:
        return []
    first = tuple(int(i) for i in np.argwhere(~np.isfinite(gradient))[0])
    where = f"{bad} of {gradient.size} entries are not, the first at {list(first)}"
    text = f"The gradient of `{name}` must be finite where forward is; {where}{when}."
    return [Finding("gradient-nonfinite", text, argument=name, evidence={"entries": bad, "first": first})]


def broken_answers(
    answers: Sequence[Mapping[str, Array | None]], names: Collection[str], *, when: str
) -> list[Finding]:
    """Return one finding for each argument of `names` of which an answer of backward is not finite."""
    found: dict[str, list[Finding]] = {}
    for claims in answers:
        for name, claim in claims.items():
            if name in names and claim is not None:
                found[name] = found.get(name) or nonfinite(name, claim, when=when)
    return [finding for one in found.values() for finding in one]


def judged_arguments(claims: Mapping[str, Any], findings: list[Finding], subject: Subject) -> Subject:
    """Return the subject with only those arguments under test whose claims can be judged as numbers."""
    spoiled = {f.argument for f in findings if f.code in ("gradient-shape", "gradient-type", "gradient-nonfinite")}
    spoiled |= {f.argument for f in findings if f.code == "gradient-dtype" and f.severity is Severity.ERROR}
    wrt = tuple(name for name in subject.wrt if claims.get(name) is not None and name not in spoiled)
    return replace(subject, wrt=wrt)
