"""Time the layers against torch: forward + full backward, and peak memory.

Ratios below 1 are faster than torch on the same number of threads. Both sides run in a process of their own and
take turns, round by round; a ratio is that of the fastest calls, which other work on the machine disturbs least. On a
busy machine only --threads 1 tells anything: with more, each call waits for the thread that lost its core.
Memory is the peak over the bytes of inputs, output, its gradient and the returned gradients.

    python benchmarks/kernels.py [--net lenet,resnet,vgg,pools,activations] [--batch 1,8] [--dtype float32,float64]
                                 [--threads 2] [--rounds 5] [--quick]
"""

import argparse
import os
import platform
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log
from pathlib import Path

from kernel_cases import NETWORKS, Case, cases
from kernel_workers import Side

GROUPS = (*NETWORKS, "pools", "activations")
# Geometric means over all convolutions that we hold ourselves to, and the peak memory of each.
MEAN_BOUNDS = {"float32": 1.05, "float64": 0.95}
MEMORY_BOUND = 3.0


@dataclass(frozen=True)
class Row:
    """One timed case: seconds of both sides, and our peak memory ratio."""

    case: Case
    ours: float
    torch: float
    memory: float

    @property
    def ratio(self) -> float:
        """Our time over torch's."""
        return self.ours / self.torch

    def __str__(self) -> str:
        case = self.case
        where = f"{case.group:11} {case.dtype} batch {case.batch} {case.name:26}"
        times = f"{1e3 * self.ours:9.3f} ms {1e3 * self.torch:9.3f} ms"
        flag = "  above its bound" if self.ratio > case.bound or self.memory > MEMORY_BOUND else ""
        return f"{where} {times}  time {self.ratio:5.2f}  memory {self.memory:4.1f}{flag}"


def measure(case: Case, ours: Side, torch: Side, rounds: int) -> Row:
    """Time both sides in turns."""
    ours.ask("prepare", case)
    torch.ask("prepare", case)
    turns = [(ours.ask("time"), torch.ask("time")) for _ in range(rounds)]
    return Row(case, min(a for a, _ in turns), min(b for _, b in turns), ours.ask("memory", case))


def summary(label: str, rows: Iterable[Row]) -> str:
    """Return the geometric mean and the worst of some rows in one line."""
    rows = tuple(rows)
    mean = exp(sum(log(row.ratio) for row in rows) / len(rows))
    worst = max(rows, key=lambda row: row.ratio)
    memory = max(row.memory for row in rows)
    return f"{label:28} mean {mean:5.2f}  worst {worst.ratio:5.2f} ({worst.case.name})  memory at most {memory:.1f}"


def machine(threads: int, *versions: str) -> str:
    """Return the line that says what was measured on."""
    models = (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name"))
    model = next(models, platform.processor() or "unknown CPU")
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    where = f"{model}, {os.cpu_count()} cores, load {load} before the start, {threads} threads a side"
    return f"{where}; Python {platform.python_version()}, {', '.join(versions)}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def report(rows: list[Row]) -> None:
    """Print the means by group, and those of all convolutions against their bounds."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        case = row.case
        groups[f"{case.group}, {case.dtype}, batch {case.batch}"].append(row)
        if case.group in NETWORKS:
            groups[f"all convolutions, {case.dtype}"].append(row)
    print()
    for label in sorted(groups):
        print(summary(label, groups[label]))
    for dtype, bound in MEAN_BOUNDS.items():
        print(f"to reach over all convolutions in {dtype}: mean {bound}, worst 2.5, memory {MEMORY_BOUND}")


def main() -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", default=",".join(GROUPS), help="groups, comma separated")
    parser.add_argument("--batch", default="1,8")
    parser.add_argument("--dtype", default="float32,float64")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="LeNet, batch 1, float32, two rounds")
    options = parser.parse_args()
    if options.quick:
        options.net, options.batch, options.dtype, options.rounds = "lenet", "1", "float32", 2
    ours, torch = Side("ours", options.threads), Side("torch", options.threads)
    print(machine(options.threads, ours.ask("versions"), torch.ask("versions")), flush=True)
    rows: list[Row] = []
    batches = [int(batch) for batch in options.batch.split(",")]
    for case in cases(options.net.split(","), batches, options.dtype.split(",")):
        rows.append(measure(case, ours, torch, options.rounds))
        print(rows[-1], flush=True)
    report(rows)
    ours.close()
    torch.close()


if __name__ == "__main__":
    main()
