"""Time the layers against torch: forward + full backward, and peak memory.

Ratios below 1 are faster than torch on the same number of threads. Both sides run in a process of their own and
take turns, round by round; a ratio is that of the fastest calls, which other work on the machine disturbs least. On a
busy machine only --threads 1 tells anything: with more, each call waits for the thread that lost its core. With one
thread, the seconds are those of the process, so that what others do meanwhile is left out. A case above its bound is
timed twice more. Memory is the peak over the bytes of inputs, output, its gradient and the returned gradients.

    python benchmarks/kernels.py [--net lenet,resnet,vgg,pools,activations] [--batch 1,8] [--dtype float32,float64]
                                 [--threads 2] [--rounds 5] [--quick] [--page FILE]
"""

import argparse
import os
import platform
from collections import defaultdict
from collections.abc import Iterable, Sequence
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
    """One timed case: seconds of both sides and of a convolution's bare products, and our peak memory ratio."""

    case: Case
    ours: float
    torch: float
    memory: float
    products: float | None = None

    @property
    def ratio(self) -> float:
        """Our time over torch's."""
        return self.ours / self.torch

    @property
    def floor(self) -> float | None:
        """The time of the bare matrix products over torch's."""
        return None if self.products is None else self.products / self.torch

    @property
    def beyond(self) -> bool:
        """Whether it takes more time or memory than it may."""
        return self.ratio > self.case.bound or self.memory > MEMORY_BOUND

    def __str__(self) -> str:
        case = self.case
        where = f"{case.group:11} {case.dtype} batch {case.batch} {case.name:26}"
        times = f"{1e3 * self.ours:9.3f} ms {1e3 * self.torch:9.3f} ms"
        flag = "  above its bound" if self.beyond else ""
        floor = "" if self.floor is None else f"  bare products {self.floor:4.2f}"
        return f"{where} {times}  time {self.ratio:5.2f}{floor}  memory {self.memory:4.1f}{flag}"


def measure(case: Case, ours: Side, torch: Side, rounds: int) -> Row:
    """Time both sides in turns, and three times as often if the first turns are above the bound."""
    ours.ask("prepare", case)
    torch.ask("prepare", case)
    memory, turns, floors = ours.ask("memory", case), [], [ours.ask("floor")]
    for _ in range(3):
        turns += [(ours.ask("time"), torch.ask("time")) for _ in range(rounds)]
        floors += [ours.ask("floor")] if floors[0] is not None else []
        products = min(floors) if floors[0] is not None else None
        row = Row(case, min(a for a, _ in turns), min(b for _, b in turns), memory, products)
        if row.ratio <= case.bound:
            break
    return row


def geometric_mean(rows: Sequence[Row]) -> float:
    """Return the geometric mean of the time ratios."""
    return exp(sum(log(row.ratio) for row in rows) / len(rows))


def floor_of(rows: Sequence[Row]) -> float | None:
    """Return the geometric mean of bare products over torch, where all rows have them."""
    floors = [row.floor for row in rows if row.floor is not None]
    return exp(sum(map(log, floors)) / len(floors)) if len(floors) == len(rows) else None


def summary(label: str, rows: Sequence[Row]) -> str:
    """Return the geometric mean and the worst of some rows in one line."""
    worst = max(rows, key=lambda row: row.ratio)
    memory = max(row.memory for row in rows)
    mean = geometric_mean(rows)
    floor = floor_of(rows)
    least = "" if floor is None else f"  bare products {floor:.2f}"
    return (
        f"{label:28} mean {mean:5.2f}  worst {worst.ratio:5.2f} ({worst.case.name}){least}  memory at most {memory:.1f}"
    )


def machine(threads: int, *versions: str) -> str:
    """Return the line that says what was measured on."""
    models = (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name"))
    model = next(models, platform.processor() or "unknown CPU")
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    where = f"{model}, {os.cpu_count()} cores, load {load} before the start, {threads} threads a side"
    return f"{where}; Python {platform.python_version()}, {', '.join(versions)}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def by_group(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return the rows of each group, dtype and batch, and those of all convolutions of a dtype."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        case = row.case
        groups[f"{case.group}, {case.dtype}, batch {case.batch}"].append(row)
        if case.group in NETWORKS:
            groups[f"all convolutions, {case.dtype}"].append(row)
    return dict(sorted(groups.items()))


def report(rows: Sequence[Row]) -> None:
    """Print the means by group, and those of all convolutions against their bounds."""
    print()
    for label, mine in by_group(rows).items():
        print(summary(label, mine))
    for dtype, bound in MEAN_BOUNDS.items():
        print(f"to reach over all convolutions in {dtype}: mean {bound}, worst 2.5, memory {MEMORY_BOUND}")


PAGE = """\
# Speed and memory of the layers ({model})

Forward and full backward (input, weight and bias) beside torch, on the convolutions of LeNet, VGG-16 and ResNet-50 and
on pools and activations of their sizes. Below 1 is faster than torch. Both sides run in a process of their own with the
same number of threads and take turns; a ratio is that of the fastest calls. Memory is the peak over the bytes of
inputs, output, its gradient and the returned gradients.

{machine}.
{clock}

Reprint with `python benchmarks/kernels.py{options} --page docs/{name}`.

Held to: geometric mean over all convolutions at most 1.05 in float32 and 0.95 in float64, each at most 2.5; pools and
activations at most 5 each, those with the error function 15; memory at most 3.

| group | mean | worst | of | memory at most | bare products |
| --- | --- | --- | --- | --- | --- |
{groups}

"Bare products" are the three matrix products of a convolution alone, by the same BLAS on columns that lie ready, over
torch's whole time: no formulation by matrix products gets below it.

## Beyond a bound

{beyond}

An activation is several passes of NumPy over blocks that stay in cache where torch makes one: those that cost torch
next to nothing come near their bound, and one within a few hundredths of it may fall on the other side next time. With
two threads torch divides an activation among both, and NumPy computes it on one. A convolution is columns gathered
(twice) and added back (once) around its products, by NumPy on one thread: where the bare products alone come near the
bound, as they do with vector units for which torch's own kernels are tuned, no formulation by matrix products meets it.

## Every case

| group | dtype | batch | layer | ours, ms | torch, ms | ratio | memory | bare products |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
{cases}
"""
CPU_CLOCK = "Seconds are those of the process (one thread), which leaves out what else the machine did."
WALL_CLOCK = "Seconds are those of the wall clock."


def page(rows: Sequence[Row], where: str, threads: int, name: str) -> str:
    """Return the tables as a page of Markdown."""
    groups = [
        _line(label, geometric_mean(mine), *_worst(mine), _or_dash(floor_of(mine)))
        for label, mine in by_group(rows).items()
    ]
    beyond = [
        f"- {row.case.group}, {row.case.dtype}, batch {row.case.batch}: {_told(row)}" for row in rows if row.beyond
    ]
    cases = [
        _line(
            c.group,
            c.dtype,
            c.batch,
            f"`{c.name}`",
            f"{1e3 * row.ours:.3f}",
            f"{1e3 * row.torch:.3f}",
            row.ratio,
            row.memory,
            _or_dash(row.floor),
        )
        for row in rows
        for c in [row.case]
    ]
    return PAGE.format(
        machine=where,
        model=where.split(",", maxsplit=1)[0],
        clock=CPU_CLOCK if threads == 1 else WALL_CLOCK,
        options=f" --threads {threads}",
        name=name,
        groups="\n".join(groups),
        beyond="\n".join(beyond) or "None.",
        cases="\n".join(cases),
    )


def _worst(rows: Sequence[Row]) -> tuple[float, str, float]:
    worst = max(rows, key=lambda row: row.ratio)
    return worst.ratio, f"`{worst.case.name}`", max(row.memory for row in rows)


def _or_dash(value: float | None) -> float | str:
    return "-" if value is None else value


def _told(row: Row) -> str:
    return f"`{row.case.name}`, time {row.ratio:.2f} of at most {row.case.bound}, memory {row.memory:.2f}"


def _line(*cells: object) -> str:
    return f"| {' | '.join(f'{cell:.2f}' if isinstance(cell, float) else str(cell) for cell in cells)} |"


def main() -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", default=",".join(GROUPS), help="groups, comma separated")
    parser.add_argument("--batch", default="1,8")
    parser.add_argument("--dtype", default="float32,float64")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--page", type=Path, help="write the tables to this file as Markdown")
    parser.add_argument("--quick", action="store_true", help="LeNet, batch 1, float32, two rounds")
    options = parser.parse_args()
    if options.quick:
        options.net, options.batch, options.dtype, options.rounds = "lenet", "1", "float32", 2
    ours, torch = Side("ours", options.threads), Side("torch", options.threads)
    where = machine(options.threads, ours.ask("versions"), torch.ask("versions"))
    print(where, flush=True)
    rows: list[Row] = []
    batches = [int(batch) for batch in options.batch.split(",")]
    for case in cases(options.net.split(","), batches, options.dtype.split(",")):
        rows.append(measure(case, ours, torch, options.rounds))
        print(rows[-1], flush=True)
    report(rows)
    if options.page:
        options.page.write_text(page(rows, where, options.threads, options.page.name), encoding="utf-8")
    ours.close()
    torch.close()


if __name__ == "__main__":
    main()
