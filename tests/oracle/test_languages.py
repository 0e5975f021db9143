"""docs/vectors.md: its programs, built and run as they stand there, read a case; its tables are true of the suite."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gradcheck.oracle import exact, line_plans, smooth
from gradcheck.oracle.making import make_case, make_suite
from gradcheck.oracle.operations import OPERATIONS
from gradcheck.oracle.pinned import pinned
from gradcheck.oracle.suite import write_suite

PAGE = Path(__file__).parents[2] / "docs" / "vectors.md"

# fence, file, the command that builds it (if any) and the one that runs it; {0} is the file, {1} what was built
LANGUAGES = [
    ("cpp", "read.cpp", "g++ -std=c++17 -Wall -Wextra -Werror {0} -o {1}", "{1}"),
    ("rust", "read.rs", "rustc --edition 2021 {0} -o {1}", "{1}"),
    ("js", "read.js", "", "node {0}"),
]


def program(fence):
    (found,) = re.findall(rf"^```{fence}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return found


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vectors") / "suite"
    write_suite(make_suite([make_case("conv1d/plain")]), folder)
    return folder


def run(command, *arguments):
    return subprocess.run(
        [*command.split(), *arguments], capture_output=True, text=True, timeout=120, check=True
    ).stdout


@pytest.mark.parametrize(("fence", "name", "build", "start"), LANGUAGES, ids=[row[0] for row in LANGUAGES])
def test_program_of_the_page_reads_a_case_and_sees_a_changed_number(fence, name, build, start, vectors, tmp_path):
    tool = (build or start).split()[0]
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    source, built = tmp_path / name, tmp_path / "built"
    source.write_text(program(fence), encoding="utf-8")
    if build:
        run(build.format(source, built))
    assert run(start.format(source, built), str(vectors)) == "conforms\n"
    wrong = tmp_path / "wrong"
    shutil.copytree(vectors, wrong)
    raw = bytearray((wrong / "conv.safetensors").read_bytes())
    begin = re.search(rb'"conv1d/plain/gradients/bias":\{[^}]*"data_offsets":\[(\d+),', bytes(raw))
    raw[8 + int.from_bytes(raw[:8], "little") + int(begin[1])] ^= 1
    (wrong / "conv.safetensors").write_bytes(bytes(raw))
    assert run(start.format(source, built), str(wrong)) == "does not conform\n"


def stated_operations():
    """What the page's table says: operation -> its inputs (optional ones end in ?) and hyperparameters."""
    rows = re.findall(
        r"^\| (`[a-z0-9_`, ]+`) \| ([a-z?, ]+) \| ([a-z_, ]*) ?\|", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {
        operation: (
            [each.strip() for each in inputs.split(",")],
            {each.strip() for each in how.split(",") if each.strip()},
        )
        for operations, inputs, how in rows
        for operation in re.findall(r"`(\w+)`", operations)
        if operation in OPERATIONS
    }


def test_page_states_inputs_and_hyperparameters_of_every_operation():
    stated = stated_operations()
    assert set(stated) == set(OPERATIONS)
    found = {}
    for made in [*exact.recipes(), *smooth.plans(), *line_plans.plans()]:
        found.setdefault(made.operation, set()).update(made.hyperparameters)
    for operation, (inputs, hyperparameters) in stated.items():
        assert tuple(name.rstrip("?") for name in inputs) == OPERATIONS[operation].arguments, operation
        assert hyperparameters == found[operation], operation


def test_page_states_the_counts_that_are_pinned():
    text, record = PAGE.read_text(encoding="utf-8"), pinned()
    assert text.split("\n\n")[1].startswith(f"{record['cases']} small cases")
    assert f"{record['results']['exact']} cases are exact, {record['results']['rounded']} rounded" in text
    assert f"in {record['results']['several']} several gradients are valid" in text
    assert f"For each of the {record['flags']} flags" in text
