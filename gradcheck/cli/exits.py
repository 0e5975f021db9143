"""Exit codes: what a result means to the shell."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradcheck.report.record import Result

AGREES, DISAGREES, BROKEN, INCONCLUSIVE, INTERRUPTED = 0, 1, 2, 3, 130
_RANK = (DISAGREES, BROKEN, INCONCLUSIVE, AGREES)


def exit_code(results: Iterable["Result"], *, strict: bool = False) -> int:
    """Return the first of 1, 2, 3, 0 that occurred; rejected configurations alone are inconclusive.

    A waived disagreement is as expected, a waiver that covers nothing any more a deviation.

    `strict` takes a vacuous agreement for inconclusive.
    """
    codes = [_code(result, strict) for result in results]
    told = [code for code in codes if code is not None]
    return next((code for code in _RANK if code in told), INCONCLUSIVE)


def _code(result: "Result", strict: bool) -> int | None:
    from gradcheck.report.record import Failure
    from gradcheck.verdict import Verdict

    if isinstance(result, Failure):
        return {"rejected": None, "healed": DISAGREES}.get(result.kind, BROKEN)
    if result.waived:
        return AGREES
    if result.has_error:
        return DISAGREES  # the gradient may be right, and the layer still not what it is held to
    if result.verdict is Verdict.AGREES:
        return INCONCLUSIVE if strict and result.vacuous else AGREES
    return DISAGREES if result.verdict is Verdict.DISAGREES else INCONCLUSIVE
