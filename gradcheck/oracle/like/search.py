"""Which reading of a target is the right one: layouts and meanings tried until its output is that of our layer."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np

from gradcheck.errors import GradcheckError, InvalidInput
from gradcheck.oracle.like.comparing import Comparison, compare, readings
from gradcheck.oracle.like.form import Form, assumptions, fitted
from gradcheck.oracle.like.setting import Setting, changed, told
from gradcheck.oracle.like.spellings import plain_name
from gradcheck.oracle.like.trial import Bench, Observation, observe

# How well a reading explains what was seen: output and gradients, the output, its shape alone, nothing.
EQUAL, SAME_OUTPUT, SHAPED, RAN = 4, 3, 2, 1


@dataclass(frozen=True)
class Found:
    """The best reading: how well it explains what was seen (EQUAL to RAN), and at which setting."""

    form: Form
    grade: float
    setting: Setting


def find_form(bench: Bench) -> Found:
    """Try the target in every way that this kind knows, until one gives our layer's output.

    Raises
    ------
    InvalidInput
        It ran in none of them.
    """
    errors: list[GradcheckError] = []
    plain = bench.kind.settings[0]
    for first in (plain, *_tamer(plain)):
        best = _best(bench, first, errors)
        if best is not None:
            return best
    raise InvalidInput(_hopeless(bench, errors))


def _tamer(plain: Setting) -> tuple[Setting, ...]:
    """Return settings for layers that take padded images alone (they cut off `pad:-pad`), or square ones."""
    if not plain.kernel:
        return ()
    axes = len(plain.size)
    square = replace(plain, size=plain.size[:1] * axes, kernel=plain.kernel[:1] * axes)
    return (replace(plain, padding=(1,) * axes), square, replace(square, padding=(1,) * axes))


def _best(bench: Bench, first: Setting, errors: list[GradcheckError]) -> Found | None:
    """Return the best reading at one setting; what was raised on the way is added to `errors`."""
    best: Found | None = None
    for form in _candidates(bench):
        setting = fitted(bench.kind, bench.matched, form, changed(first, bench.matched.settled))
        if setting is None:
            continue
        try:
            seen = observe(bench, form, setting)
        except GradcheckError as err:
            errors.append(err)
            continue
        found = readings(bench, form, setting, seen)
        if not found:
            errors.insert(0, InvalidInput(_unlike_any(bench, seen)))
        for reading in found:
            compared = compare(bench, reading, setting, seen)
            grade = _grade(bench, reading, compared)
            if best is None or grade > best.grade:
                best = Found(reading, grade, setting)
            if grade == EQUAL:
                return best
    return best


def _grade(bench: Bench, reading: Form, compared: Comparison) -> float:
    apart = compared.apart
    if apart is None:
        return EQUAL if compared.complete else SAME_OUTPUT
    if apart.what != "output":
        return SAME_OUTPUT
    words = bench.kind.variants[reading.variant].name.split()
    named = bool(words) and words[0] in plain_name(bench.job.target.rpartition(":")[2])
    return (RAN if "shape" in apart.evidence else SHAPED) + named / 2


def _candidates(bench: Bench) -> Iterator[Form]:
    """Yield what can be tried before anything has been seen: layouts of what is given, and what may be built in."""
    kind, matched = bench.kind, bench.matched
    roles = [role for role in kind.arrays if role in matched.arrays.values()]
    rows = [_layouts(bench, role) for role in roles]
    sized = sizes_of(bench)
    several = [some for count in range(len(sized), 0, -1) for some in combinations(sized, count)]
    wholes = _wholes(bench)
    for layouts in product(*rows):
        layout = dict(zip(roles, layouts, strict=True))
        if not _go_together(layout):
            continue
        for as_tuples, assumed, whole in product(((), *several), assumptions(kind, matched), ("", *wholes)):
            yield Form(layouts=layout, tuples=as_tuples, assumed=assumed, whole=whole)


def sizes_of(bench: Bench) -> tuple[str, ...]:
    """Return which of kernel, stride and padding the target takes whole, as a number or as a tuple of several."""
    taken = {slot.role for slot in bench.matched.slots if not slot.key}
    return tuple(n for n in ("kernel", "stride", "padding") if n in taken) if len(bench.kind.spatial) > 1 else ()


def _wholes(bench: Bench) -> tuple[str, ...]:
    """Return the axes in which a target may want the shape of its weights, where it is told no channels besides."""
    roles, kind = bench.matched.roles, bench.kind
    if "conv" not in kind.name or "kernel" not in roles or roles & {"channels", "filters", "shape"}:
        return ()
    return tuple(layout for layout in kind.layouts["weight"] if len(layout) == len(kind.arrays["weight"]))


def _layouts(bench: Bench, role: str) -> tuple[str, ...]:
    """Return the layouts of an array to be tried: the caller's letters, if any, else those of the kind."""
    name = next(name for name, one in bench.matched.arrays.items() if one == role)
    asked = bench.job.inputs.get(name, "").partition(":")[0].replace(",", "").replace(" ", "")
    known = bench.kind.layouts[role]
    if not asked:
        return known
    letters = set(bench.kind.arrays[role]) | {"1"} | ({"C"} if role == "target" else set())
    if not set(asked) <= letters or len(set(asked.replace("1", ""))) < len(asked.replace("1", "")):
        raise InvalidInput(
            f"with --like, an input must be given by its axes, {bench.kind.arrays[role]} in any order "
            f"(for instance {name}={known[min(1, len(known) - 1)]}); `{name}` is {bench.job.inputs[name]!r}. "
            "The sizes are chosen"
        )
    return (asked,)


def _go_together(layout: dict[str, str]) -> bool:
    """Leave out what nobody writes: channels last with filters first in front of channels, rows of one sample."""
    image, weight, target = layout["input"], layout.get("weight", ""), layout.get("target")
    if weight and set("DHW") & set(image) and ("C" in image) != ("I" in weight):
        return False
    return target is None or ("N" in image) == ("N" in target)


def _unlike_any(bench: Bench, seen: Observation) -> str:
    shapes = {name: value.shape for name, value in seen.subject.inputs.items() if isinstance(value, np.ndarray)}
    told_shapes = ", ".join(f"{name} {shape}" for name, shape in {**shapes, "the output": seen.output.shape}.items())
    return f"it ran, but its arrays have shapes that no layout of {bench.kind.name} has ({told_shapes})"


def _hopeless(bench: Bench, errors: list[GradcheckError]) -> str:
    first = str(errors[0]).rstrip(".") if errors else "no configuration fits its arguments"
    setting = told(bench.kind.settings[0], bench.kind.output)
    return (
        f"{bench.job.target} could not be run like a {bench.kind.name} ({setting}), in any layout that is known: "
        f"{first}. Give what it needs with --arg, or its axes with --input"
    )
