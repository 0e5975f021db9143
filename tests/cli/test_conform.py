"""`gradcheck conform` as a user types it: tables, JSON, JUnit, expectations, programs, and one clear sentence."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from gradcheck.cli import program as gradcheck_program
from gradcheck.oracle.exact import case_of, recipes
from gradcheck.oracle.suite import suite_of, write_suite

pytestmark = pytest.mark.slow  # processes by the dozen, or many thousand derivatives

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "conformance"
NAMES = (
    "conv2d/plain", "conv2d/padding-asymmetric", "conv2d/groups", "conv2d/convolution", "conv1d/plain", "relu/plain",
)  # fmt: skip
SWAPPED = """
from gradcheck.oracle.drivers.ours import open_device
OURS = open_device("")

def run(operation, hyperparameters, inputs, grad_output):
    pads = [pair[::-1] for pair in hyperparameters.get("padding", [])]
    return OURS(operation, {**hyperparameters, **({"padding": pads} if pads else {})}, inputs, grad_output)
"""


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden") / "suite"
    write_suite(suite_of([case_of(recipe) for recipe in recipes() if recipe.name in NAMES]), folder)
    return str(folder)


@pytest.fixture(scope="module")
def swapped(tmp_path_factory):
    path = tmp_path_factory.mktemp("mine") / "swapped.py"
    path.write_text(SWAPPED, encoding="utf-8")
    return f"{path}:run"


def conform(*arguments):
    return CliRunner().invoke(gradcheck_program, ["conform", *arguments], standalone_mode=False)


def code(result):
    return result.return_value


def test_our_layers_are_bit_exact(vectors):
    result = conform("numpy", "--vectors", vectors)
    assert code(result) == 0
    assert "12 cases, 0 deviations" in result.output.splitlines()


def test_who_passes_the_whole_suite_is_told_what_it_may_claim(vectors):
    words = " ".join(conform("numpy", "--vectors", vectors).output.split())
    assert "it may claim: gradcheck.layers 0.1.0 conforms to gradcheck vectors, edition 1 (sha256 " in words
    assert words.endswith("in float32 and float64: conv, relu; 12 cases to the bit. No case is left out.")
    assert "may claim" not in conform("numpy", "--vectors", vectors, "--only", "conv2d/*").output
    assert "may claim" not in conform("numpy", "--vectors", vectors, "--quiet").output


def test_a_wrong_implementation_is_told_its_mistake_in_words(vectors, swapped):
    result = conform(swapped, "--vectors", vectors, "--dtype", "float32")
    assert code(result) == 1
    assert "wrong conv2d/padding-asymmetric float32: " in result.output
    words = " ".join(result.output.split())
    assert "conv: [padding-sides-exchanged] this mistake gives exactly the numbers of 1 wrong case: padding" in words
    assert max(map(len, result.output.splitlines())) <= 80


def test_what_is_expected_to_fail_is_no_deviation_and_what_passes_unexpectedly_is_one(vectors, swapped, tmp_path):
    known = tmp_path / "known.txt"
    known.write_text("conv2d/padding-*: both sides are exchanged, on purpose\n", encoding="utf-8")
    result = conform(swapped, "--vectors", vectors, "--xfail", str(known))
    assert code(result) == 0
    assert "12 cases, 0 deviations, 2 as expected" in result.output
    known.write_text("relu/*: it has no kink\n", encoding="utf-8")
    result = conform("numpy", "--vectors", vectors, "--xfail", str(known))
    assert code(result) == 1
    assert "passes unexpectedly relu/plain" in " ".join(result.output.split())


def test_json_is_one_document_with_every_outcome_and_junit_goes_to_its_file(vectors, swapped, tmp_path):
    junit = tmp_path / "conform.xml"
    result = conform(swapped, "--vectors", vectors, "--json", "--junit", str(junit), "--only", "conv2d/*")
    document = json.loads(result.output)
    assert document["schema"] == "gradcheck/conformance/1"
    assert document["deviations"] == 2
    assert {row["case"] for row in document["outcomes"] if row["status"] == "wrong"} == {"conv2d/padding-asymmetric"}
    root = ElementTree.parse(junit).getroot()
    assert [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None] == [
        "conv2d/padding-asymmetric float32",
        "conv2d/padding-asymmetric float64",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name one IMPLEMENTATION, or a --program"),
        (["numpy", "--program", "x"], "name one IMPLEMENTATION, or a --program"),
        (["numpy", "--only", "nothing*"], "must leave some case; of 6 they leave none"),
        (["numpi"], "must be one of numpy, torch, jax, tensorflow"),
        (["numpy", "--device", "gpu"], "--device must be cpu for numpy"),
        (["nowhere.py:run"], "there is no 'nowhere.py'"),
        (["--program", "not/there"], "--program must be a command that can be started"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_run_is_said_in_one_sentence(vectors, arguments, words):
    result = conform(*arguments, "--vectors", vectors)
    assert words in str(result.exception)


def test_a_folder_without_a_suite_is_said_so(tmp_path):
    assert "must hold a suite; it has no manifest.json" in str(conform("numpy", "--vectors", str(tmp_path)).exception)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The C++ example, as a program and as a library."""
    compiler = shutil.which("c++")
    if compiler is None or sys.platform == "win32":
        pytest.skip("there is no C++ compiler")
    folder = tmp_path_factory.mktemp("cpp")
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
    flags = ["-O1", "-std=c++17", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *flags, "-o", "program", "program.cpp"], cwd=folder, check=True)
    shared = [compiler, *flags, "-shared", "-fPIC", "-o", "libconvolution.so", "shared.cpp"]
    subprocess.run(shared, cwd=folder, check=True)
    return folder


def test_the_cpp_program_conforms(vectors, built):
    result = conform("--program", str(built / "program"), "--vectors", vectors)
    assert code(result) == 0, result.output
    rows = [line.split() for line in result.output.splitlines()]
    assert ["conv", "8", "2"] in rows
    assert ["relu", "2"] in rows


def test_the_library_behind_ctypes_conforms(vectors, built):
    result = conform(f"{built / 'with_ctypes.py'}:run", "--vectors", vectors, "--dtype", "float64")
    assert code(result) == 0, result.output
    assert ["conv", "4", "1"] in [line.split() for line in result.output.splitlines()]
