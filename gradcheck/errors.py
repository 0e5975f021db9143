"""The exceptions of gradcheck: misuse raises a `GradcheckError`; a wrong gradient is an `AssertionError`."""

from collections.abc import Iterable
from typing import Any

MOST_WORDS = 1000  # characters of a layer's exception that are told: some hold whole arrays


class GradcheckError(Exception):
    """Base of every exception that means misuse, or a layer that could not be run."""


class InvalidInput(GradcheckError, ValueError):
    """A value, shape or hyperparameter does not hold what it must."""


class InvalidLayer(GradcheckError, TypeError):
    """The object given as a layer cannot be read as one."""


class LayerFailed(GradcheckError, RuntimeError):
    """The layer's own code raised, or returned something that is no output; `stage` says where."""

    def __init__(self, sentence: str, *, stage: str = "forward", traceback: str = "") -> None:
        super().__init__(sentence)
        self.stage = stage
        self.traceback = traceback


class TargetError(GradcheckError, LookupError):
    """A target string names nothing that can be loaded."""


class MissingExtra(GradcheckError, ImportError):
    """A command needs an optional dependency that is not installed."""

    def __init__(self, extra: str) -> None:
        super().__init__(f'needs pip install "gradcheck[{extra}]"')
        self.extra = extra


class _Disagreement(AssertionError):
    """An AssertionError whose text is a report; not a GradcheckError, so that it is never swallowed as misuse."""

    def __init__(self, report: Any) -> None:
        super().__init__(str(report))
        self.report = report


class GradientMismatch(_Disagreement):
    """Raised by `assert_agrees` when the verdict is DISAGREES; `report` holds the evidence."""


class InconclusiveCheck(_Disagreement):
    """Raised by `assert_agrees` when the verdict is INCONCLUSIVE; `report` holds the reason."""


class LayerFault(GradcheckError):
    """What backward returned is no gradient (wrong number, wrong type); the judge turns it into a finding."""

    def __init__(self, code: str, sentence: str, *, argument: str | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.argument = argument


def described(error: BaseException) -> str:
    """Name an exception as Python would: its type and its words, which may themselves be impossible to have."""
    kind = type(error).__name__
    if isinstance(error, SystemExit):
        return f"{kind}: it called sys.exit({error.code!r})"
    try:
        words = str(error).strip()
    except Exception:  # noqa: BLE001 - a layer's own exception may do anything
        return f"{kind} (which cannot be printed)"
    if len(words) > MOST_WORDS:
        words = f"{words[:MOST_WORDS]} ... ({len(words)} characters)"
    return f"{kind}: {words}" if words else kind


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean `near`?" without the question mark's sentence end, or nothing where no name is near."""
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(f'`{one}`' for one in near)}?" if near else ""
