"""Hold the frameworks that are installed to the golden vectors and write what came out: docs/conformance.md.

    python docs/conformance_page.py

Known deviations, each with its sentence, stand in docs/known/<framework>.txt; a case that deviates and is not there
ends this with an exception, so that the page explains everything that it shows.
"""

import os
import platform
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.errors import MissingExtra
from gradcheck.oracle.case import Case
from gradcheck.oracle.conforming import Conformance, conform
from gradcheck.oracle.expectations import DEVIATIONS, Expectation, expected, is_deviation, read_expectations
from gradcheck.oracle.implementation import implementation
from gradcheck.oracle.judging import Outcome, ulps_apart
from gradcheck.oracle.kept import suite_at
from gradcheck.oracle.suite import Suite
from gradcheck.oracle.summary import table

HERE = Path(__file__).parent
FRAMEWORKS = {"torch": "PyTorch", "jax": "JAX", "tensorflow": "TensorFlow"}
DTYPES = ("float32", "float64")
CURVES = (
    ("sigmoid", {}), ("tanh", {}), ("gelu", {"approximate": "none"}), ("gelu", {"approximate": "tanh"}), ("silu", {}),
    ("softplus", {"beta": 1, "threshold": None}), ("mish", {}), ("elu", {"alpha": 1}), ("selu", {}),
    ("log_softmax", {}),
)  # fmt: skip
HEAD = """# What other implementations return

Written by `python docs/conformance_page.py`, on {machine}. Each framework computes on the CPU; every case is asked in
float32 and in float64, forward and all gradients. What the columns mean, and what a conforming implementation may
claim: [the golden vectors](vectors.md). Suite {sha256}, {cases} cases.

"""


def installed(name: str) -> str:
    """Return the version of a framework, or nothing where it is not installed."""
    for package in (name, f"{name}-cpu"):
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return ""


@cache
def known(name: str) -> tuple[Expectation, ...]:
    """Return the deviations of a framework that are explained."""
    path = HERE / "known" / f"{name}.txt"
    return read_expectations(path) if path.exists() else ()


def outcomes_of(name: str, suite: Suite, folder: Path) -> list[Outcome]:
    """Hold a framework to all cases."""
    cases = [(case, dtype) for dtype in DTYPES for case in suite if dtype in case.dtypes]
    asked = Conformance(str(folder), name, timeout=600.0)
    return list(conform(asked, cases, workers=os.cpu_count() or 1))


def section(name: str, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Write the tables of a framework, and what explains its deviations."""
    yield f"## {FRAMEWORKS[name]} {installed(name)}\n"
    for dtype in DTYPES:
        rows = table([outcome for outcome in outcomes if outcome.dtype == dtype])
        yield f"### {dtype}\n"
        yield from _markdown(rows)
    yield "### What deviates, and why\n"
    told = {line.sentence for line in known(name)}
    if not told:
        yield "Nothing.\n"
    for sentence in sorted(told):
        covered = [o for o in outcomes if o.status in DEVIATIONS and _explains(sentence, name, o)]
        worst = max(covered, key=lambda o: (np.isfinite(o.ulps), o.ulps))
        cases = f"{len(covered)} case{'s' if len(covered) > 1 else ''}"
        yield f"- `{worst.operation}`: {sentence} ({cases}; `{worst.case}` in {worst.dtype}: {worst.sentence}.)"
    refused = sorted({o.sentence for o in outcomes if o.status == "unsupported"})
    yield "\nNot supported: " + "; ".join(refused) + ".\n"


def _explains(sentence: str, name: str, outcome: Outcome) -> bool:
    line = expected(outcome, known(name))
    return line is not None and line.sentence == sentence


def _markdown(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(rows[0]) + " |"
    yield "|---" * len(rows[0]) + "|"
    yield from ("| " + " | ".join(row) + " |" for row in rows[1:])
    yield ""


def ulps_table(names: Sequence[str], suite: Suite) -> Iterator[str]:
    """Write the worst error of each activation's gradient, with the input where it is."""
    yield "## Gradients of activations, in ulps\n"
    yield (
        "The largest error of the gradient over all inputs of the suite, from subnormal to the largest number, in "
        "units of the last place of the correctly rounded gradient, and the input where it is. A correctly rounded "
        "gradient has 0; an error beyond 1e6 means that hardly a digit is right, as where a formula cancels.\n"
    )
    columns = [f"{FRAMEWORKS[name]} {dtype}" for name in names for dtype in DTYPES]
    rows: list[tuple[str, ...]] = [("activation", *columns)]
    runs = {name: implementation(name) for name in names}
    for operation, wanted in CURVES:
        cases = [
            case
            for case in suite
            if case.operation == operation
            and case.result == "rounded"
            and all(case.hyperparameters.get(key, value) == value for key, value in wanted.items())
        ]
        label = operation + (" (tanh)" if wanted.get("approximate") == "tanh" else "")
        rows.append((label, *(_worst(runs[name], cases, dtype) for name in names for dtype in DTYPES)))
    yield from _markdown(rows)


def _worst(run: Any, cases: Sequence[Case], dtype: str) -> str:
    found: list[tuple[float, float]] = []
    for case in cases:
        if dtype not in case.dtypes:
            continue
        vector = case.vector(dtype)
        try:
            _, gradients = run(case.operation, case.hyperparameters, vector.inputs, vector.grad_output)
        except NotImplementedError:
            continue
        off = ulps_apart(np.asarray(gradients["input"]), vector.gradients["input"])
        at = np.unravel_index(int(np.argmax(off)), off.shape)
        found.append((float(off[at]), float(vector.inputs["input"][at])))
    if not found:
        return ""
    ulps, x = max(found)
    return f"{ulps:.2g} at {x:.4g}" if ulps else "0"


def main() -> None:
    """Write the page."""
    folder, suite = suite_at(None)
    names = [name for name in FRAMEWORKS if installed(name)]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    parts = [HEAD.format(machine=machine, sha256=suite.sha256, cases=len(suite))]
    for name in names:
        try:
            outcomes = outcomes_of(name, suite, folder)
        except MissingExtra:
            continue
        unexplained = [o for o in outcomes if is_deviation(o, known(name))]
        if unexplained:
            told = "\n".join(f"{o.status} {o.case} {o.dtype}: {o.sentence} {o.flags}" for o in unexplained)
            raise SystemExit(f"{name} deviates, and docs/known/{name}.txt does not say why:\n{told}")
        parts += [*section(name, outcomes)]
    parts += ulps_table(names, suite)
    (HERE / "conformance.md").write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
