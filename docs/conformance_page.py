"""Write docs/conformance.md: what PyTorch, JAX and TensorFlow return for the golden vectors, and why it deviates.

    gradcheck conform torch --json > runs/torch.json
    gradcheck conform jax --timeout 3600 --json > runs/jax.json
    gradcheck conform tensorflow --timeout 3600 --json > runs/tensorflow.json
    python docs/conformance_page.py runs

Known deviations, each with its sentence, stand in docs/known/<framework>.txt; the text about them, with programs that
show the bugs, in docs/known/<framework>.md. The programs are run, and what they print is put below them. A case that
deviates and is not explained, or is explained and does not deviate, ends this with an exception.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.oracle.expectations import DEVIATIONS, Expectation, expected, is_deviation, read_expectations
from gradcheck.oracle.judging import Outcome
from gradcheck.oracle.pinned import pinned
from gradcheck.oracle.summary import table
from gradcheck.report import plain

HERE = Path(__file__).parent
KNOWN = HERE / "known"
FRAMEWORKS = {"torch": "PyTorch", "jax": "JAX", "tensorflow": "TensorFlow"}
DTYPES = ("float32", "float64")
KINDS = {
    "bug": "bugs",
    "accuracy": "losses of accuracy",
    "convention": "conventions",
}
PROGRAM = re.compile(r"^```python\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
HEAD = """# What other implementations return

Written by `python docs/conformance_page.py` from runs of `gradcheck conform`. Every case of the [golden
vectors](vectors.md), {cases} of them with the checksum `{sha256}`,
is asked in float32 and in float64, forward and all gradients, on the CPU.

A case that deviates is one of three: a *bug* (the numbers of another function, or infinity or NaN where a finite
number is due), a *loss of accuracy* (the right function, of whose digits less than half are right somewhere), or a
*convention* (another definition, by intent). Each has its sentence in `docs/known/`, and
`gradcheck conform torch --xfail docs/known/torch.txt` tells of any other; so does CI, where PyTorch is installed. Sums
of small integers are exact in all three frameworks: of the convolutions and linear layers that they have, every number
is the stored one.
"""


@dataclass(frozen=True)
class Run:
    """One `gradcheck conform NAME --json`, and the sentences for what deviates in it."""

    name: str
    told: Mapping[str, Any]

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Every case in every dtype."""
        return tuple(
            plain.load(Outcome, {key: value for key, value in row.items() if key != "expected"})
            for row in self.told["outcomes"]
        )

    @cached_property
    def known(self) -> tuple[Expectation, ...]:
        """What is explained."""
        return read_expectations(KNOWN / f"{self.name}.txt")

    @property
    def provenance(self) -> str:
        """With which versions, and where."""
        told = self.told
        what = f"{FRAMEWORKS[self.name]} {told['version']}, NumPy {told['numpy']}, Python {told['python']}"
        return f"{what}; {told['machine']}."

    def hold(self) -> None:
        """Raise unless the run is one of the pinned suite, and deviates where it is said, and only there."""
        if self.told["suite"] != pinned()["sha256"]:
            raise SystemExit(f"the run of {self.name} is one of another suite: {self.told['suite']}")
        unexplained = [o for o in self.outcomes if is_deviation(o, self.known)]
        if unexplained:
            lines = [f"{o.status} {o.case} {o.dtype}: {o.sentence} {o.flags}" for o in unexplained]
            raise SystemExit(f"docs/known/{self.name}.txt and the run do not fit:\n" + "\n".join(lines))


def section(run: Run) -> Iterator[str]:
    """Write the tables of a framework, what explains its deviations, and the programs that show its bugs."""
    yield f"## {FRAMEWORKS[run.name]} {run.told['version']}\n"
    for dtype in DTYPES:
        yield f"### {FRAMEWORKS[run.name]}, {dtype}\n"
        yield from _markdown(table([outcome for outcome in run.outcomes if outcome.dtype == dtype]))
        yield f"{run.provenance} Reprint with `gradcheck conform {run.name} --dtype {dtype}`.\n"
    for kind, title in KINDS.items():
        sentences = sorted({line.sentence for line in run.known if line.sentence.startswith(f"{kind}: ")})
        if sentences:
            yield f"### {FRAMEWORKS[run.name]}: {title}\n"
            yield from (_explained(sentence, run) for sentence in sentences)
            yield ""
    yield from with_output((KNOWN / f"{run.name}.md").read_text(encoding="utf-8"))
    refused = sorted({o.sentence for o in run.outcomes if o.status == "unsupported"})
    yield f"{FRAMEWORKS[run.name]} is not asked where it cannot do it:\n"
    yield from (f"- {sentence}" for sentence in refused)
    yield ""


def _explained(sentence: str, run: Run) -> str:
    """Return the sentence with how many cases it is about, and the worst of them."""
    covered = [o for o in run.outcomes if o.status in DEVIATIONS and _is_told_by(o, sentence, run)]
    worst = max(covered, key=lambda o: (o.status == "crashed", np.isfinite(o.ulps), o.ulps))
    _, words = sentence.split(": ", 1)
    count = f"{len(covered)} case{'s' if len(covered) > 1 else ''}"
    operations = ", ".join(sorted({f"`{o.operation}`" for o in covered}))
    return f"- {operations}: {words} ({count}, as `{worst.case}` in {worst.dtype}: {worst.sentence}.)"


def _is_told_by(outcome: Outcome, sentence: str, run: Run) -> bool:
    line = expected(outcome, run.known)
    return line is not None and line.sentence == sentence


def with_output(text: str) -> Iterator[str]:
    """Yield the text with each program's output below it."""

    def told(match: re.Match[str]) -> str:
        ran = subprocess.run([sys.executable, "-c", match[1]], capture_output=True, text=True, timeout=300, check=True)
        return f"{match[0]}\n```text\n{ran.stdout}```\n"

    yield PROGRAM.sub(told, text)


def _markdown(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(rows[0]) + " |"
    yield "|---" * len(rows[0]) + "|"
    yield from ("| " + " | ".join(row) + " |" for row in rows[1:])
    yield ""


def main(folder: Path) -> None:
    """Write the page from the runs in a folder."""
    import activation_ulps  # beside this script

    runs = [Run(name, json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))) for name in FRAMEWORKS]
    for run in runs:
        run.hold()
    record = pinned()
    parts = [HEAD.format(sha256=record["sha256"], cases=record["cases"])]
    for run in runs:
        parts += section(run)
    parts += activation_ulps.section([*FRAMEWORKS, "numpy"])
    (HERE / "conformance.md").write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
