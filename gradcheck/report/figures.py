"""A figure of the failing argument (extra `plot`): claimed, measured, difference, and the error against the step."""

from typing import Any

from gradcheck.errors import InvalidInput, MissingExtra
from gradcheck.report.curve import branch_name, positive
from gradcheck.report.digits import short
from gradcheck.report.headline import gradient, headline, label
from gradcheck.report.heatmap import Rows, largest
from gradcheck.report.record import Report
from gradcheck.verdict import Argument, Census, StepCurve, Verdict


def draw(report: Report) -> Any:
    """Draw the first argument that disagrees, or else the first that has a picture, as a matplotlib Figure.

    The figure belongs to no window and to no pyplot state; show it in a notebook, or call its `savefig`.

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    InvalidInput
        If no argument has a map or a step curve, as in a report of gradients that agree.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as err:
        raise MissingExtra("plot") from err
    argument = _drawable(report)
    panels = _panels(argument)
    figure = Figure(figsize=(4.2 * len(panels), 4.4), layout="constrained")
    for axes, (kind, panel) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        if isinstance(panel, StepCurve):
            _draw_curve(axes, panel)
        else:
            _draw_map(figure, axes, kind, panel)
    figure.suptitle(f"{label(report)}  {headline(report)}", wrap=True)
    return figure


def _drawable(report: Report) -> Argument:
    ordered = sorted(report.arguments.values(), key=lambda argument: argument.verdict is not Verdict.DISAGREES)
    for argument in ordered:
        if _panels(argument):
            return argument
    raise InvalidInput(
        "`plot` needs an argument with a heat map or a step curve, which only a gradient that disagrees has; "
        f"this report {report.verdict.value}"
    )


def _panels(argument: Argument) -> list[tuple[str, Any]]:
    """List what there is to draw: maps by title, then the curve."""
    maps = _maps(argument.census, gradient(argument.name)) if argument.census else []
    curve = argument.step_curve
    return maps + ([("step", curve)] if curve and positive(curve.steps) else [])


def _maps(census: Census, name: str) -> list[tuple[str, Any]]:
    rows = (
        (f"{name}, claimed", census.claimed_map, True),
        (f"{name}, measured", census.measured_map, True),
        ("|claimed - measured|", census.heat_map, False),
    )
    top = max(largest(census.claimed_map), largest(census.measured_map))
    return [
        (title, (cells, top if signed else largest(cells), signed, census))
        for title, cells, signed in rows
        if cells and cells[0]
    ]


def _draw_map(figure: Any, axes: Any, title: str, panel: tuple[Rows, float, bool, Census]) -> None:
    cells, top, signed, census = panel
    limit = top or 1.0
    image = axes.imshow(cells, cmap="PuOr" if signed else "Reds", vmin=-limit if signed else 0.0, vmax=limit)
    axes.locator_params(integer=True)
    if census.map_tile:
        _rule_tiles(axes, census.map_tile, (len(cells), len(cells[0])))
    axes.set(title=title, ylabel=census.map_axes[0], xlabel=census.map_axes[1])
    figure.colorbar(image, ax=axes, shrink=0.7)


def _rule_tiles(axes: Any, tile: tuple[int, int], shape: tuple[int, int]) -> None:
    for place in range(tile[0], shape[0], tile[0]):
        axes.axhline(place - 0.5, color="white", linewidth=2)
    for place in range(tile[1], shape[1], tile[1]):
        axes.axvline(place - 0.5, color="white", linewidth=2)


def _draw_curve(axes: Any, curve: StepCurve) -> None:
    branches = ((curve.truncation_errors, "-", "truncation error"), (curve.roundoff_errors, "--", "round-off error"))
    for errors, style, name in branches:
        points = [pair for pair in zip(curve.steps, errors, strict=False) if len(positive(pair)) == 2]
        axes.loglog(
            [step for step, _ in points], [error for _, error in points], style, label=branch_name(name, errors)
        )
    axes.axvline(curve.chosen, color="gray", linestyle=":", label=f"chosen step {short(curve.chosen)}")
    axes.set(title="error against step", xlabel="step", ylabel="error")
    axes.legend()
