"""How far measured derivatives are off, in their own error bars: numdiff beside other differentiators, as Markdown.

    python benchmarks/calibration.py               one line a function
    python benchmarks/calibration.py --ways        one line a function and way (dtype, scale, with complex or without)
    python benchmarks/calibration.py --only sin    functions with a text in their name

The points, directions and true derivatives are those of tests/calibration. The others get the same function of one
number, the step along the very same direction, one call an output entry where they take no vectors. A peer that is not
installed is left out, and the table says so. Errors are relative to each entry's own derivative.
"""

import argparse
import importlib.util
import os
import platform
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gradcheck.checks.comparison import THRESHOLD
from tests.calibration.arithmetics import Floats
from tests.calibration.functions import FUNCTIONS, Function
from tests.calibration.trials import ALL_WAYS, PLAIN_WAYS, Trial, Way, run, sample

Along = Callable[[Any], Any]
Answer = tuple[Any, Any]


def by_scipy(along: Along, entries: int) -> Answer:
    """Take scipy.differentiate.derivative, vectorised over the entries, with its own error estimate."""
    from scipy.differentiate import derivative

    found = derivative(along, np.zeros(entries), initial_step=0.125, preserve_shape=True)
    return found.df, found.error


def by_numdifftools(along: Along, entries: int) -> Answer:
    """Take numdifftools.Derivative, vectorised over the entries, with its own error estimate."""
    from numdifftools import Derivative

    found = Derivative(along, full_output=True)(np.zeros(entries))
    if hasattr(found, "estimate"):
        return found.estimate, found.error_estimate
    value, info = found  # before numdifftools 0.11
    return value, info.error_estimate


def by_jacobi(along: Along, entries: int) -> Answer:
    """Take jacobi.jacobi with its own error estimate."""
    from jacobi import jacobi

    value, error = jacobi(lambda h: along(np.full(entries, h[0])), np.zeros(1))
    return np.ravel(value), np.ravel(error)


PEERS: dict[str, tuple[str, Callable[[Along, int], Answer]]] = {
    "scipy": ("scipy", by_scipy),
    "numdifftools": ("numdifftools", by_numdifftools),
    "jacobi": ("jacobi", by_jacobi),
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ways", action="store_true", help="print every way of every function")
    parser.add_argument("--only", action="append", metavar="TEXT", help="functions with TEXT in the name")
    options = parser.parse_args()
    wanted = [f for f in FUNCTIONS if not options.only or any(text in f.name for text in options.only)]
    peers = {n: p for n, p in PEERS.items() if importlib.util.find_spec(p[0])}
    print("\n".join(heading(peers)))
    trials = [run(f, way) for f in wanted for way in (*ALL_WAYS, *(PLAIN_WAYS if f.plain else ()))]
    print("\n".join(tail(trials)))
    if options.ways:
        print("\n".join(every(trials)))
    print("\n".join(beside(wanted, peers)))


def heading(peers: Sequence[str] | dict[str, Any]) -> list[str]:
    """Return the machine and what was run."""
    absent = ", ".join(p for p in PEERS if p not in peers) or "none"
    versions = ", ".join(f"{PEERS[p][0]} {version(PEERS[p][0])}" for p in peers)
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, NumPy {np.__version__}"
    )
    return ["# Calibration of the error bars", "", f"{machine}; {versions}. Left out: {absent}."]


def tail(trials: Sequence[Trial]) -> list[str]:
    """Return how many true errors lie within 1, 3 and 10 bars, by way."""
    ways = dict.fromkeys(t.way for t in trials)
    rows = [(way, [t for t in trials if t.way == way]) for way in ways] + [("**all**", list(trials))]
    head = ["way", "derivatives", "within 1 bar", "beyond 1", "beyond 3", f"beyond {THRESHOLD:.2f}", "beyond 10"]
    return ["", "## numdiff, by way", "", *table(head, [[way, *_counts(mine)] for way, mine in rows])]


def _counts(trials: Sequence[Trial]) -> list[str]:
    bars = np.concatenate([t.bars for t in trials])
    beyond = [str(int(np.sum(bars > limit))) for limit in (1.0, 3.0, THRESHOLD, 10.0)]
    return [str(bars.size), f"{100 * np.mean(bars <= 1):.3f} %", *beyond]


def every(trials: Sequence[Trial]) -> list[str]:
    """Return one row a trial."""
    head = [
        "function",
        "way",
        "method",
        "calls",
        "worst, in bars",
        "median bar / max(error, ulp)",
        "kinky",
        "unmeasured",
    ]
    body = [
        [
            t.function.replace("|", "\\|"),
            t.way,
            t.derivative.method,
            str(t.derivative.evaluations),
            f"{np.max(t.bars, initial=0.0):.2g}",
            f"{t.sharpness:.2g}",
            str(int(t.derivative.kinky.sum())),
            str(int(np.sum(t.judged & ~t.told))),
        ]
        for t in trials
    ]
    return ["", "## numdiff, every trial", "", *table(head, body)]


def beside(functions: Sequence[Function], peers: dict[str, tuple[str, Callable[[Along, int], Answer]]]) -> list[str]:
    """Return median relative errors, and the share of true errors inside the bar, for numdiff and its peers."""
    way = Way("real numbers only", carries=False)
    head = ["function"] + [f"{n}: {what}" for n in ("numdiff", *peers) for what in ("error", "in the bar", "worst")]
    body = []
    for function in functions:
        trial = run(function, way)
        row = [function.name.replace("|", "\\|"), *_figures(trial, trial.derivative.value, trial.derivative.bar)]
        for _, peer in peers.values():
            row += _figures(trial, *_asked(peer, function, way, trial.truth.size))
        body.append(row)
    return ["", "## Beside others: real numbers only, float64", "", *table(head, body)]


def _asked(peer: Callable[[Along, int], Answer], function: Function, way: Way, size: int) -> Answer:
    values, bars = [], []
    for seed in range(function.points):
        x, tangent = sample(function, way, seed)
        count = size // function.points
        along = _line(way.formula(function), x, tangent, count)
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                value, bar = peer(along, count)
        except Exception:  # noqa: BLE001 - whatever a peer raises on these points is its answer
            value, bar = np.full(count, np.nan), np.full(count, np.nan)
        values.append(np.broadcast_to(value, (count,)))
        bars.append(np.broadcast_to(bar, (count,)))
    return np.concatenate(values), np.concatenate(bars)


def _line(formula: Callable[..., Any], x: Any, tangent: Any, count: int) -> Along:
    """Return the outputs, each at its own step: one evaluation for every step that differs from the others."""

    def along(steps: Any) -> Any:
        h = np.broadcast_to(np.asarray(steps, dtype=float), (count,)) if np.ndim(steps) < 2 else np.asarray(steps)
        flat = h.reshape(count, -1)
        out = np.empty(flat.shape)
        for step in np.unique(flat):
            outputs = np.ravel(formula(Floats, x + step * tangent))
            rows, columns = np.nonzero(flat == step)
            out[rows, columns] = outputs[rows]
        return out.reshape(h.shape)

    return along


def _figures(trial: Trial, value: Any, bar: Any) -> list[str]:
    told = trial.judged & np.isfinite(value) & np.isfinite(bar)
    if not told.any():
        return ["-", "-", "-"]
    error = np.abs(value - trial.truth)[told]
    if trial.derivative.value is value:
        d = trial.derivative  # where kinky, an interval is claimed and not the value
        outside = np.maximum(np.minimum(d.left, d.right) - trial.truth, trial.truth - np.maximum(d.left, d.right))
        error = np.where(d.kinky[told], np.maximum(outside, 0.0)[told], error)
    size = np.where(trial.truth[told] == 0, 1.0, np.abs(trial.truth[told]))
    with np.errstate(all="ignore"):
        bars = np.where(error == 0, 0.0, error / bar[told])
    share = np.sum(bars <= 1) / np.sum(trial.judged)
    return [f"{np.median(error / size):.0e}", f"{100 * share:.0f} %", f"{np.max(bars):.1g}"]


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """Return a Markdown table."""
    rows = [head, ["---"] * len(head), *body]
    return ["| " + " | ".join(row) + " |" for row in rows]


if __name__ == "__main__":
    main()
