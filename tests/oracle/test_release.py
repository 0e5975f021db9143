"""The suite's checksum is part of the release: whatever states it states the pinned one."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from gradcheck import __version__
from gradcheck.oracle.implementation import implementation
from gradcheck.oracle.judging import judge
from gradcheck.oracle.making import make_case
from gradcheck.oracle.pinned import pinned
from gradcheck.oracle.program import PROTOCOL, decoded, encoded

ROOT = Path(__file__).resolve().parents[2]
CHECKSUM = re.compile(r"\b[0-9a-f]{64}\b")


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def release_notes():
    """The entry of this version in the changelog."""
    return re.split(r"^## ", text_of("CHANGELOG.md"), flags=re.MULTILINE)[1]


@pytest.mark.parametrize("name", ["CITATION.cff", "docs/vectors.md", "docs/conformance.md"])
def test_a_file_that_states_the_checksum_states_the_pinned_one(name):
    assert set(CHECKSUM.findall(text_of(name))) == {pinned()["sha256"]}


def test_the_release_notes_state_edition_cases_and_checksum():
    record, notes = pinned(), release_notes()
    assert notes.startswith(__version__)
    assert CHECKSUM.findall(notes) == [record["sha256"]]
    assert f"edition {record['edition']}, {record['cases']} cases" in notes


def test_the_citation_is_of_this_version_and_states_edition_and_cases():
    record, citation = pinned(), text_of("CITATION.cff")
    assert f"\nversion: {__version__}\n" in citation
    assert f'value: "sha256:{record["sha256"]}"' in citation
    assert f"edition {record['edition']}, {record['cases']} cases" in citation


def block(fence, begin):
    (found,) = re.findall(rf"^```{fence}\n({begin}.*?)^```", text_of("docs/vectors.md"), re.MULTILINE | re.DOTALL)
    return found


def test_the_function_of_the_page_conforms(tmp_path):
    (tmp_path / "mine.py").write_text(block("python", "def run"), encoding="utf-8")
    run, case = implementation(f"{tmp_path / 'mine.py'}:run"), make_case("relu/plain")
    vector = case.vector("float32")
    output, gradients = run(case.operation, case.hyperparameters, vector.inputs, vector.grad_output)
    assert judge(case, "float32", output, gradients).status == "bit-exact"
    with pytest.raises(NotImplementedError, match="relu alone"):
        run("tanh", {}, vector.inputs, vector.grad_output)


def test_the_lines_of_the_page_are_the_protocol():
    hello, request, reply, _, refusal = map(json.loads, block("json", "{").splitlines())
    assert hello["protocol"] == PROTOCOL == 1
    assert (reply["id"], refusal["id"]) == (1, 2)
    x, error = decoded(request["inputs"]["input"]), decoded(request["grad_output"])
    assert (x.tolist(), error.tolist()) == ([-1, 2], [5, 5])
    assert reply["output"] == encoded(np.maximum(x, 0))
    assert reply["gradients"] == {"input": encoded(error * (x > 0))}
