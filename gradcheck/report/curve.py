"""The error of a difference quotient against its step, as SVG: two branches on logarithmic axes, the step chosen."""

import math
from collections.abc import Sequence

from gradcheck.report.digits import short
from gradcheck.report.markup import element, safe
from gradcheck.verdict import StepCurve

_WIDTH, _HEIGHT = 440, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 16, 22, 44  # margins, in pixels
_TICKS = 6  # at most so many numbers on an axis
_BRANCHES = (
    ("truncation error", "truncation_errors", "var(--warm)", None),
    ("round-off error", "roundoff_errors", "var(--cold)", "6 4"),
)

Axis = tuple[float, float]


def svg_curve(curve: StepCurve) -> str:
    """Draw the curve; nothing where it has fewer than two points that a logarithm can show."""
    errors = positive([*curve.truncation_errors, *curve.roundoff_errors])
    steps = positive(curve.steps)
    if len(set(steps)) < 2 or not errors:
        return ""
    across, down = _span(positive([*steps, curve.chosen])), _span(errors)
    return element(
        "svg",
        element("title", safe(f"error against step; the step chosen is {short(curve.chosen)}")),
        *_axes(across, down),
        *(_branch(curve, row, across, down) for row in _BRANCHES),
        *_chosen(curve.chosen, across),
        *_legend(curve),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        width=_WIDTH,
        role="img",
        font_size=11,
        fill="var(--text)",
    )


def positive(values: Sequence[float]) -> list[float]:
    """Keep what a logarithmic axis can show."""
    return [value for value in values if 0 < value < math.inf]


def _span(values: list[float]) -> Axis:
    """Give the decades from the smallest to the largest value, one at least."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _x(ten: float, across: Axis) -> float:
    return _LEFT + (ten - across[0]) / (across[1] - across[0]) * (_WIDTH - _LEFT - _RIGHT)


def _y(ten: float, down: Axis) -> float:
    return _HEIGHT - _BOTTOM - (ten - down[0]) / (down[1] - down[0]) * (_HEIGHT - _TOP - _BOTTOM)


def _branch(curve: StepCurve, row: tuple[str, str, str, str | None], across: Axis, down: Axis) -> str:
    _, name, color, dashes = row
    pairs = zip(curve.steps, getattr(curve, name), strict=False)
    points = sorted(
        (_x(math.log10(step), across), _y(math.log10(error), down))
        for step, error in pairs
        if positive([step, error]) == [step, error]
    )
    written = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return element("polyline", points=written, fill="none", stroke=color, stroke_width=2, stroke_dasharray=dashes)


def _chosen(step: float, across: Axis) -> list[str]:
    if not positive([step]):
        return []
    x = round(_x(math.log10(step), across), 1)
    anchor = "end" if x > _WIDTH / 2 else "start"
    line = element("line", x1=x, x2=x, y1=_TOP, y2=_HEIGHT - _BOTTOM, stroke="currentColor", stroke_dasharray="2 3")
    return [line, _words(f"chosen step {short(step)}", x + (5 if anchor == "start" else -5), _TOP + 12, anchor)]


def _axes(across: Axis, down: Axis) -> list[str]:
    frame = element(
        "path",
        d=f"M{_LEFT} {_TOP}V{_HEIGHT - _BOTTOM}H{_WIDTH - _RIGHT}",
        fill="none",
        stroke="var(--muted)",
    )
    below = [_words(f"1e{ten}", _x(ten, across), _HEIGHT - _BOTTOM + 15, "middle") for ten in _ticks(across)]
    beside = [_words(f"1e{ten}", _LEFT - 6, _y(ten, down) + 4, "end") for ten in _ticks(down)]
    title = _words("step", (_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10, "middle")
    return [frame, *below, *beside, title]


def _ticks(axis: Axis) -> list[int]:
    low, high = int(axis[0]), int(axis[1])
    return list(range(low, high + 1, max(1, math.ceil((high - low) / (_TICKS - 1)))))


def branch_name(name: str, errors: Sequence[float]) -> str:
    """Name a branch; one of zeros, as of a linear layer, has no place on a logarithmic axis."""
    return name if positive(errors) else f"{name}: none seen"


def _legend(curve: StepCurve) -> list[str]:
    """Name the branches above the frame, each after a piece of its line."""
    written = []
    for place, (name, errors, color, dashes) in enumerate(_BRANCHES):
        words = branch_name(name, getattr(curve, errors))
        x = _LEFT + 190 * place
        written.append(
            element("line", x1=x, x2=x + 24, y1=9, y2=9, stroke=color, stroke_width=2, stroke_dasharray=dashes)
        )
        written.append(_words(words, x + 30, 13, "start"))
    return written


def _words(text: str, x: float, y: float, anchor: str) -> str:
    return element("text", safe(text), x=round(x, 1), y=round(y, 1), text_anchor=anchor)
