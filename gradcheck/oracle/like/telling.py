"""What a reader is told of a sweep: how the target was read, what was tried, and how to do it again."""

from collections.abc import Sequence

from gradcheck.oracle.like.kinds import Kind
from gradcheck.oracle.like.matching import Slot
from gradcheck.oracle.like.search import SAME_OUTPUT, Found
from gradcheck.oracle.like.setting import Setting, times, told
from gradcheck.oracle.like.sweeping import AGREES, NOT_TAKEN, UNLIKE, Tried
from gradcheck.oracle.like.trial import Bench

_MOST = 4  # of the configurations with one outcome, how many are named
_WORDS = {UNLIKE: "compute something else", NOT_TAKEN: "not taken"}


def mapping_lines(bench: Bench, found: Found) -> tuple[str, ...]:
    """Say what is what: arrays with their axes, hyperparameters, and what the kind means here."""
    kind, form = bench.kind, found.form
    arrays = [
        f"{form.names[role]} is the {role} {form.layouts[role] or '()'}" for role in kind.arrays if role in form.names
    ]
    arrays.append(f"the output {form.output or '()'}")
    lines = [f"like {kind.name}: {', '.join(arrays)}"]
    slots = [_written(slot) for slot in bench.matched.slots]
    lines += [f"arguments by name: {', '.join(slots)}"] if slots else []
    meaning = kind.variants[form.variant].words
    lines += [f"read as: {meaning}"] if meaning else []
    built_in = [f"{name} {value if isinstance(value, str) else times(value)}" for name, value in form.assumed.items()]
    lines += [f"built in: {', '.join(built_in)}"] if built_in else []
    if found.grade < SAME_OUTPUT:
        setting = told(found.setting, kind.output)
        lines.append(
            f"in no layout that is known does it compute {kind.name}, not even for a {setting}; the nearest is taken"
        )
    return tuple(lines)


def _written(slot: Slot) -> str:
    name = f"{slot.parameter}[{slot.key!r}]" if slot.key else slot.parameter
    role = slot.role.replace("_", " ")
    return name if (slot.key or name).replace("_", " ") == role else f"{name} as {role}"


def tally(tried: Sequence[Tried], total: int, kind: Kind) -> tuple[str, ...]:
    """Count the outcomes, and name the configurations that did not agree."""
    by_outcome: dict[str, list[Tried]] = {}
    for one in tried:
        by_outcome.setdefault(one.outcome, []).append(one)
    counts = [f"{len(rows)} {_WORDS.get(outcome, outcome)}" for outcome, rows in by_outcome.items()]
    stopped = "" if len(tried) == total else f" of {total}, for lack of time (--timeout)"
    lines = [f"{len(tried)} configurations{stopped}: {', '.join(counts)}"]
    for outcome, rows in by_outcome.items():
        if outcome != AGREES:
            named = "; ".join(_named(row.setting, kind) for row in rows[:_MOST])
            more = f"; and {len(rows) - _MOST} more" if len(rows) > _MOST else ""
            lines.append(f"{_WORDS.get(outcome, outcome)}: {named}{more}")
    return tuple(lines)


def _named(setting: Setting, kind: Kind) -> str:
    sizes = told(setting, kind.output)
    return f"{setting.why} ({sizes})" if setting.why else sizes
