"""What an exception in the child becomes: the Failure that says in one sentence why there is no result."""

from traceback import format_exception

from gradcheck.errors import GradcheckError, InvalidInput, InvalidLayer, LayerFailed, TargetError
from gradcheck.report.record import Failure
from gradcheck.runner.refusals import is_refusal
from gradcheck.runner.substitutes import advice, is_of_stub
from gradcheck.runner.tracebacks import trimmed

_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (TargetError, "load"),
    (LayerFailed, "raised"),
    (InvalidInput, "usage"),
    (InvalidLayer, "usage"),
    (GradcheckError, "usage"),
    (MemoryError, "memory"),
)


def failure_of(target: str, error: BaseException, *, swept: bool = False) -> Failure:
    """Make the failure of a target out of what was raised, with the traceback cut down to the user's own frames.

    In a sweep, what the layer refused in its own words is "rejected".
    """
    kind = next((kind for of, kind in _KINDS if isinstance(error, of)), "raised")
    cause = error.__cause__ if isinstance(error, LayerFailed) and error.__cause__ else error
    stage = getattr(error, "stage", "")
    shown = getattr(error, "traceback", "") or (trimmed(cause) if kind == "raised" else "")
    if isinstance(cause, MemoryError):
        kind = "memory"
    if kind == "raised" and stage == "import":
        kind = "load"
    sentence = _advised(_sentence(error))
    if swept and is_refusal(cause, stage, target.rpartition(":")[0]):
        return Failure(target=target, kind="rejected", sentence=sentence, stage=stage)
    if not shown and not isinstance(error, (GradcheckError, SystemExit, MemoryError)) and not is_of_stub(error):
        sentence, shown = f"gradcheck itself failed: {sentence}; please report it", "".join(format_exception(error))
    return Failure(target=target, kind=kind, sentence=sentence, traceback=shown, stage=stage)


def _advised(sentence: str) -> str:
    told = advice(sentence)
    return sentence.splitlines()[0] + told if told else sentence


def _sentence(error: BaseException) -> str:
    if isinstance(error, GradcheckError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"the layer called sys.exit({error.code!r})"
    if isinstance(error, MemoryError):
        return f"out of memory: {error}".rstrip(": ")
    return f"{type(error).__name__}: {error}".rstrip(": ")
