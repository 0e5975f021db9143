"""What a check costs: calls, time and peak memory, beside other checkers, as multiples of the floor, as Markdown.

    python benchmarks/checks.py                    every layer, every checker
    python benchmarks/checks.py --only relu        layers with a text in their name
    python benchmarks/checks.py --tool gradcheck   checkers with a text in their name
    python benchmarks/checks.py --limit 20         seconds after which a checker is given up
    python benchmarks/checks.py --zoo              calls by purpose on every layer of the zoo, the costliest first
    python benchmarks/checks.py --large            layers of 10^6 inputs and outputs, right and wrong: see large.py
    python benchmarks/checks.py --page FILE        write the first table and the large layers' to this file

The floor is what any probe of a gradient needs: one forward, two perturbed forwards, one backward. Every row is a
process of its own, so that its peak memory is its own: what the resident size grows by during the check, after one
forward and backward that every checker starts from, and that over the bytes of inputs and outputs. Times are a second
run's where that fits into the limit, so that imports are not counted. A checker that is not installed is left out.
"""

import argparse
import importlib.util
import json
import os
import platform
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import large
from power_peers import PEERS, Problem

import gradcheck
from gradcheck import layers
from gradcheck.checks.procedure import FORWARD_CALLS
from gradcheck.faults.records import point_of
from gradcheck.faults.zoo import FAULTS, TRICKY

Inputs = dict[str, Any]

INTRODUCTION = """\
Printed by `python benchmarks/checks.py --page docs/checks.md`. Calls are counted inside the layer. The floor is what
any probe of a gradient needs: one forward, two perturbed forwards, one backward. Own time is what the layer's calls do
not explain; memory is what the resident size grows by, and that over the bytes of inputs and outputs where these are
many."""

LARGE = """\

## Large layers

About 10^6 inputs and outputs, in float64, at default effort, with linear algebra on one thread: the right gradient, and
four wrong ones. The harness's time is what does not pass inside the layer's own forward and backward. Memory is what
the resident size grows by; "x arrays" is the peak that NumPy reports, less what a single call of the layer takes for
itself, over the layer's inputs, outputs and both gradients, once each. A wrong gradient is explained as well: there its
further calls go.

"""
LONGER = 5  # a wrong large layer is checked twice and explained
HEAD = ["layer", "checker", "forward", "backward", "ms", "x floor", "own ms", "memory", "answer"]


def _numbers(**shapes: tuple[int, ...]) -> Callable[[], Inputs]:
    def draw() -> Inputs:
        rng = np.random.default_rng(0)
        return {name: rng.normal(size=shape) for name, shape in shapes.items()}

    return draw


CASES: dict[str, tuple[Callable[[], Any], Callable[[], Inputs]]] = {
    "relu 20": (layers.ReLU, _numbers(input=(4, 5))),
    "softmax 4 x 5": (layers.Softmax, _numbers(input=(4, 5))),
    "linear 5 to 3": (layers.Linear, _numbers(input=(4, 5), weight=(3, 5), bias=(3,))),
    "conv 6 x 6": (layers.Conv, _numbers(input=(2, 3, 6, 6), weight=(4, 3, 3, 3), bias=(4,))),
    "mean squared error 20": (layers.MeanSquaredError, _numbers(input=(4, 5), target=(4, 5))),
    "conv 32 x 32": (layers.Conv, _numbers(input=(8, 16, 32, 32), weight=(32, 16, 3, 3), bias=(32,))),
    "linear 1000 to 1000": (layers.Linear, _numbers(input=(64, 1000), weight=(1000, 1000), bias=(1000,))),
    "relu 10^6": (layers.ReLU, _numbers(input=(1000, 1000))),
    "softmax 1000 x 1000": (layers.Softmax, _numbers(input=(1000, 1000))),
    "mean squared error 10^6": (layers.MeanSquaredError, _numbers(input=(1000, 1000), target=(1000, 1000))),
}
NOBODY: Any = SimpleNamespace(name="a layer")  # stands for a case of the zoo, which peers ask for its name
CALLS = {"forward": 0, "backward": 0}


@dataclass(frozen=True)
class Counted:
    """A layer that counts its calls, through every copy of it."""

    layer: Any

    def forward(self, *inputs: Any) -> Any:
        """Count and call."""
        CALLS["forward"] += 1
        return self.layer.forward(*inputs)

    def backward(self, grad_output: Any, *inputs: Any) -> Any:
        """Count and call."""
        CALLS["backward"] += 1
        return self.layer.backward(grad_output, *inputs)


def _ours(effort: str) -> Callable[[Problem], bool]:
    def ask(problem: Problem) -> bool:
        return str(gradcheck.check(problem.layer, problem.point, effort=effort).verdict) == "agrees"

    return ask


TOOLS: dict[str, tuple[str, Callable[[Problem], bool]]] = {
    "gradcheck": ("numpy", _ours("normal")),
    "gradcheck quick": ("numpy", _ours("quick")),
    "torch fast": ("torch", PEERS["torch fast"]),
    "torch slow": ("torch", PEERS["torch slow"]),
    "jax": ("jax", PEERS["jax"]),
    "autograd": ("autograd", PEERS["autograd"]),
}


def main() -> None:
    """Print the table, or measure one row of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="TEXT", help="layers with TEXT in the name")
    parser.add_argument("--tool", action="append", metavar="TEXT", help="checkers with TEXT in the name")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds after which a checker is given up")
    parser.add_argument("--zoo", action="store_true", help="calls by purpose on the zoo, beside the stated budget")
    parser.add_argument("--large", action="store_true", help="layers of 10^6 inputs and outputs, right and wrong")
    parser.add_argument("--page", type=Path, help="write the tables to this file as Markdown")
    parser.add_argument("--one", nargs=2, metavar=("LAYER", "CHECKER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(*options.one, limit=options.limit)))
        return
    if options.zoo:
        print("\n".join(zoo(options.only)))
        return
    lines = []
    for line in printed(options):
        print(line, flush=True)
        lines.append(line)
    if options.page:
        options.page.write_text("\n".join(lines) + "\n", encoding="utf-8")


def printed(options: argparse.Namespace) -> Iterator[str]:
    """Yield the lines of the tables that are asked for."""
    tools = [t for t, (module, _) in TOOLS.items() if importlib.util.find_spec(module) and _asked(t, options.tool)]
    yield from heading(tools)
    if not options.large:
        yield from head_of(HEAD)
        for case in (c for c in CASES if _asked(c, options.only)):
            yield from (f"| {' | '.join(row(case, tool, options.limit))} |" for tool in tools)
    if options.large or options.page:
        yield from LARGE.splitlines()
        yield from head_of(large.HEAD)
        for cells in large.rows(lambda case: _asked(case, options.only), LONGER * options.limit):
            yield f"| {' | '.join(cells)} |"


def head_of(head: Sequence[str]) -> list[str]:
    """Return the head of a table."""
    return [f"| {' | '.join(head)} |", f"| {' | '.join(['---'] * len(head))} |"]


def zoo(only: Sequence[str] | None) -> list[str]:
    """Return the calls that each layer of the zoo takes for each argument, the costliest first."""
    rows: list[tuple[float, list[str]]] = []
    for case in (c for c in [*FAULTS, *TRICKY] if _asked(c.name, only)):
        try:
            report = gradcheck.check(case.make(), dict(point_of(case)))
        except gradcheck.GradcheckError:
            continue  # a layer that raises is told by the exception
        spent = [c for c in report.evaluations.spent if c.purpose not in ("the contract", "explaining")]
        arguments = max(len(report.arguments), 1)
        forward, backward = (sum(c.forward for c in spent) / arguments, sum(c.backward for c in spent) / arguments)
        by = ", ".join(f"{c.purpose} {c.forward}/{c.backward}" for c in spent)
        rows.append((forward, [case.name, str(report.verdict), f"{forward:.0f}", f"{backward:.0f}", by]))
    rows.sort(key=lambda row: -row[0])
    over = sum(forward > FORWARD_CALLS for forward, _ in rows)
    head = [f"{over} of {len(rows)} layers take more than {FORWARD_CALLS} forward calls an argument.", ""]
    head += [
        "| layer | verdict | forward | backward | forward and backward by purpose |",
        "| --- | --- | --- | --- | --- |",
    ]
    return head + [f"| {' | '.join(cells)} |" for _, cells in rows]


def _asked(name: str, wanted: Sequence[str] | None) -> bool:
    return not wanted or any(text in name for text in wanted)


def heading(tools: Sequence[str]) -> list[str]:
    """Return the machine, what is left out, and the table's head."""
    absent = ", ".join(t for t in TOOLS if t not in tools) or "none"
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, NumPy {np.__version__}"
    )
    return ["# What a check costs", "", *INTRODUCTION.splitlines(), "", f"{machine}. Left out: {absent}.", ""]


def row(case: str, tool: str, limit: float) -> list[str]:
    """Measure one row in a process of its own."""
    command = [sys.executable, __file__, "--one", case, tool, "--limit", str(limit)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=True)
    except subprocess.TimeoutExpired:
        return [case, tool, *["-"] * 6, f"given up after {limit:g} s"]
    except subprocess.CalledProcessError as error:
        return [
            case,
            tool,
            *["-"] * 6,
            f"stopped: {error.stderr.strip().splitlines()[-1][:60] if error.stderr else ''}",
        ]
    found = json.loads(done.stdout.splitlines()[-1])
    own = found["seconds"] - found["forward"] * found["one forward"] - found["backward"] * found["one backward"]
    return [
        case,
        tool,
        str(found["forward"]),
        str(found["backward"]),
        f"{1e3 * found['seconds']:.3g}",
        f"{found['seconds'] / found['floor']:.3g}",
        f"{1e3 * max(own, 0.0):.3g}",
        memory(found["memory"], found["arrays"]),
        "agrees" if found["agrees"] else "does not agree",
    ]


def memory(grown: int, arrays: int) -> str:
    """Tell what the resident size grew by; beside arrays that are large enough for a comparison."""
    told = f"{grown / 2**20:.0f} MiB"
    return f"{told}, {grown / arrays:.1f} x" if arrays >= 2**20 else told


def measured(case: str, tool: str, *, limit: float) -> dict[str, Any]:
    """Run one checker on one layer: twice where there is time, memory from the first run, time from the second."""
    make, draw = CASES[case]
    layer, point = make(), draw()
    output = np.asarray(layer.forward(*point.values()))
    grad_output = np.ones(output.shape)
    layer.backward(grad_output, *point.values())
    forward = fastest(lambda: layer.forward(*point.values()))
    backward = fastest(lambda: layer.backward(grad_output, *point.values()))
    ask = TOOLS[tool][1]
    importlib.import_module({"jax": "jax.test_util", "autograd": "autograd.test_util"}.get(tool, TOOLS[tool][0]))
    before = peak_memory()
    agrees, seconds = timed(ask, layer, point)
    grown = peak_memory() - before
    if seconds < limit / 4:
        agrees, seconds = timed(ask, layer, point)
    arrays = output.nbytes + sum(value.nbytes for value in point.values())
    return CALLS | {
        "agrees": agrees,
        "seconds": seconds,
        "one forward": forward,
        "one backward": backward,
        "floor": 3.0 * forward + backward,
        "memory": grown,
        "arrays": arrays,
    }


def timed(ask: Callable[[Problem], bool], layer: Any, point: Inputs) -> tuple[bool, float]:
    """Return the checker's answer and the seconds it took, and leave its calls in CALLS."""
    CALLS.update(forward=0, backward=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        problem = Problem(NOBODY, Counted(layer), dict(point))
        started = time.perf_counter()
        try:
            agrees = bool(ask(problem))
        except (AssertionError, RuntimeError):
            agrees = False
        return agrees, time.perf_counter() - started


def fastest(call: Callable[[], Any], repeats: int = 5) -> float:
    """Return the seconds of the fastest of a few calls."""
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return min(taken)


def peak_memory() -> int:
    """Return the largest resident size so far, in bytes."""
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes if sys.platform == "darwin" else 1024 * kibibytes


if __name__ == "__main__":
    main()
