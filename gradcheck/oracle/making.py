"""Making the suite: every case computed anew, in this process or in several."""

import multiprocessing
import platform
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from importlib.metadata import version
from typing import Any

from gradcheck.oracle import exact, line_mistakes, line_plans, lines, slope_table, smooth, smooth_mistakes
from gradcheck.oracle.case import Case
from gradcheck.oracle.correct import context
from gradcheck.oracle.loudness import SmoothEntry
from gradcheck.oracle.suite import Suite, suite_of

SMOOTH_MISTAKES: tuple[SmoothEntry, ...] = (
    *smooth_mistakes.MISTAKES,
    *line_mistakes.MISTAKES,
    *slope_table.ROUNDED,
)
_TOGETHER = 16  # cases that a process takes at a time


def names() -> list[str]:
    """Return the names of all cases, in the order in which they are made."""
    return list(_makers())


def make_case(name: str) -> Case:
    """Compute the case of this name."""
    return _makers()[name]()


def make_cases(chosen: Sequence[str], *, workers: int = 1) -> Iterator[Case]:
    """Yield the cases of these names in their order, from so many processes as there is work for."""
    context()  # the extra is missed before any work begins, and before a process is started
    workers = min(workers, -(-len(chosen) // _TOGETHER))
    if workers <= 1:
        yield from map(make_case, chosen)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(make_case, chosen, chunksize=_TOGETHER)


def make_suite(cases: Sequence[Case]) -> Suite:
    """Return the cases as a suite whose provenance names what made it."""
    return suite_of(cases, provenance=provenance())


def provenance() -> dict[str, Any]:
    """Return what made the files; a suite's checksum doesn't depend on it."""
    libraries = {name: version(name) for name in ("gradcheck", "numpy", "scipy", "mpmath", "safetensors")}
    return {
        "generator": "gradcheck vectors write",
        "integers": "SHAKE-256 of the case's name",
        "python": platform.python_version(),
        **libraries,
    }


@cache
def _makers() -> dict[str, Callable[[], Case]]:
    makers: dict[str, Callable[[], Case]] = {}
    for recipe in exact.recipes():
        makers[recipe.name] = partial(exact.case_of, recipe)
    for activation in smooth.plans():
        makers[activation.name] = partial(smooth.case_of, activation, _flags(activation))
    for line in line_plans.plans():
        makers[line.name] = partial(lines.case_of, line, _flags(line))
    return makers


def _flags(plan: smooth.Plan | lines.Plan) -> tuple[str, ...]:
    return tuple(sorted({entry.flag for entry in SMOOTH_MISTAKES if entry.is_carried_by(plan)}))
