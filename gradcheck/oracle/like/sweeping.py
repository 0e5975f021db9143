"""The sweep: each setting judged and compared, the worst shrunk to the smallest, one report for it all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from gradcheck.errors import GradcheckError, LayerFailed
from gradcheck.examine import verdict_of
from gradcheck.oracle.like.comparing import Difference, compare
from gradcheck.oracle.like.form import Form, fitted
from gradcheck.oracle.like.search import sizes_of
from gradcheck.oracle.like.setting import SECOND, STRIDED, Setting, changed, smaller
from gradcheck.oracle.like.trial import Bench, Observation, observe
from gradcheck.runner.refusals import is_refusal
from gradcheck.verdict import Verdict

AGREES, DISAGREES, INCONCLUSIVE = (str(verdict) for verdict in Verdict)
UNLIKE, REJECTED, RAISED, NOT_TAKEN = "unlike", "rejected", "raised", "not taken"

_GEOMETRY = ("kernel", "stride", "padding", "dilation", "groups", "output_padding")

# What decides, the weightiest first: a wrong gradient, another function, no answer, doubt.
RANK = (DISAGREES, UNLIKE, RAISED, INCONCLUSIVE, AGREES, REJECTED, NOT_TAKEN)


@dataclass(frozen=True)
class Tried:
    """What came of one setting."""

    setting: Setting
    outcome: str
    sentence: str = ""
    apart: Difference | None = None
    seen: Observation | None = None
    error: BaseException | None = None


def try_setting(bench: Bench, form: Form, setting: Setting) -> Tried:
    """Run the target in one setting and compare it with our layer; where they differ, have its gradient judged.

    Equal outputs and equal gradients of all arguments need no judge: our layer's gradient is that of its output.
    """
    tried = compare_setting(bench, form, setting)
    if tried.outcome == AGREES or tried.seen is None:
        return tried
    try:
        verdict = verdict_of(tried.seen.subject, seed=bench.job.seed)
    except GradcheckError as err:
        return _failed(bench, form, setting, err)
    unlike = verdict is Verdict.AGREES and tried.apart is not None
    return replace(tried, outcome=UNLIKE if unlike else str(verdict))


def compare_setting(bench: Bench, form: Form, setting: Setting) -> Tried:
    """Run the target in one setting and compare it; nothing is judged, so that what could not be compared is open."""
    try:
        seen = observe(bench, form, setting)
    except GradcheckError as err:
        other = replace(form, tuples=sizes_of(bench))
        if isinstance(err.__cause__, TypeError) and other != form:  # it may want a tuple where a number went so far
            again = compare_setting(bench, other, setting)
            if again.seen is not None:
                return again
        return _failed(bench, form, setting, err)
    compared = compare(bench, form, setting, seen)
    if compared.apart is None:
        return Tried(setting, AGREES if compared.complete else INCONCLUSIVE, "", None, seen)
    outcome = UNLIKE if compared.apart.what == "output" else DISAGREES
    return Tried(setting, outcome, compared.apart.sentence, compared.apart, seen)


def settings_of(bench: Bench, form: Form) -> list[Setting]:
    """Return the sweep as this target can be given it, with what the caller has settled."""
    found: dict[Setting, Setting] = {}
    first = bench.kind.settings[0]
    stepping = next(
        (row for row in bench.kind.settings if row.padding and any(row.padding) and max(row.stride) > 1), first
    )
    manners = [
        replace(row, manner=manner, why="handled otherwise")
        for row in dict.fromkeys((first, stepping))
        for manner in (SECOND, STRIDED)
    ]
    for row in (*bench.kind.settings, *manners):
        setting = fitted(bench.kind, bench.matched, form, changed(row, bench.matched.settled))
        if setting is not None:
            bare = replace(setting, why="")
            as_meant = all(getattr(setting, name) == getattr(row, name) for name in _GEOMETRY) or bench.matched.settled
            found.setdefault(bare, setting if as_meant else bare)
    return list(found.values())


def shrink(tried: Tried, attempt: Callable[[Setting], Tried | None]) -> Iterator[Tried]:
    """Yield ever smaller settings with the same outcome, until none of the next smaller ones has it.

    Where the output is right and a gradient is not, that alone is looked for; else each setting is judged.
    """
    while True:
        for setting in smaller(tried.setting):
            again = attempt(replace(setting, why=tried.setting.why))
            if again is not None and again.outcome == tried.outcome:
                tried = again
                yield tried
                break
        else:
            return


def _failed(bench: Bench, form: Form, setting: Setting, error: GradcheckError) -> Tried:
    cause = error.__cause__ if isinstance(error, LayerFailed) and error.__cause__ else error
    stage = getattr(error, "stage", "")
    if is_refusal(cause, stage, bench.job.target.rpartition(":")[0]):
        return Tried(setting, REJECTED, str(error), error=error)
    if not form.tuples and _needs_tuples(bench, setting):
        return Tried(setting, NOT_TAKEN, "sizes that differ between the axes", error=error)
    return Tried(setting, RAISED, str(error), error=error)


def _needs_tuples(bench: Bench, setting: Setting) -> bool:
    """Tell whether the target was handed a tuple here, which it took for nothing else."""
    whole = {slot.role for slot in bench.matched.slots}
    uneven = (name for name in ("kernel", "stride", "padding", "dilation") if len(set(getattr(setting, name))) > 1)
    return any(name in whole for name in uneven)
