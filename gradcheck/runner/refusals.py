"""Whether a layer refused a configuration in so many words, or merely failed at it."""

import ast
import linecache
from functools import lru_cache
from types import FrameType

from gradcheck.runner.tracebacks import is_users

# Where a refusal can come from: what a layer says in backward comes too late, but for what it has not implemented.
# Our own layers' exceptions pass through the judge unmarked.
_STAGES = ("constructor", "forward", "")


def is_refusal(error: BaseException, stage: str, place: str = "") -> bool:
    """Tell a refusal from a failure: a `raise` or an `assert` that stands in the layer's own code.

    An exception that NumPy raised on the layer's behalf (shapes that do not fit, say) is a failure.

    Parameters
    ----------
    error : BaseException
        What the layer raised, with its traceback.
    stage : str
        Where: "constructor", "forward" or "backward".
    place : str
        The target's file or dotted module; code of an installed package that the target is from is its own, too.
    """
    if not isinstance(error, Exception) or error.__traceback__ is None:
        return False
    if stage not in _STAGES and not (stage == "backward" and isinstance(error, NotImplementedError)):
        return False
    last = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    return _is_own(last.tb_frame, place) and _says_so(last.tb_frame.f_code.co_filename, last.tb_lineno)


def _is_own(frame: FrameType, place: str) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    package = place if place.startswith("gradcheck.") else place.partition(".")[0]
    told = f"{module}.".startswith((f"{package}.", "gradcheck.layers."))  # whose layers may be built on ours
    return told or is_users(frame.f_code.co_filename)


def _says_so(file: str, line: int) -> bool:
    """Tell whether the innermost statement at that line is a `raise` or an `assert`."""
    around = [node for node in _statements(file) if node.lineno <= line <= (node.end_lineno or node.lineno)]
    innermost = sorted(around, key=lambda node: node.lineno)[-1:]  # stable: of one line, the deepest comes last
    return any(isinstance(node, (ast.Raise, ast.Assert)) for node in innermost)


@lru_cache(maxsize=32)
def _statements(file: str) -> tuple[ast.stmt, ...]:
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return ()
    return tuple(node for node in ast.walk(tree) if isinstance(node, ast.stmt))
