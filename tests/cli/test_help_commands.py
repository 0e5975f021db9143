"""`gradcheck explain`, `doctor`, `completion` and `--annotate`: every code is explained, and what is printed holds."""

import ast
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from gradcheck.checks.severities import OPENING, SEVERITIES
from gradcheck.cli import main, program
from gradcheck.cli.annotations import annotations
from gradcheck.cli.explain import known_codes, meanings
from gradcheck.cli.meanings.diagnoses import DIAGNOSES
from gradcheck.cli.meanings.findings import FINDINGS
from gradcheck.cli.meanings.outcomes import FAILURES, REASONS
from gradcheck.faults.codes import CODES
from gradcheck.report.headline import _FAILURE_LABELS
from gradcheck.report.record import Failure, Report
from gradcheck.verdict import Verdict

PACKAGE = Path(__file__).parents[2] / "gradcheck"
CODE = re.compile(r"[a-z]+(-[a-z0-9/N]+)+|noise|vacuous|zero|factor|sign|other")
NO_CODES = {"read-only", "size-one", "utf-8", "site-packages", "dist-packages", "dry-run"}  # layouts, files, tasks


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, err = capsys.readouterr()
    return ended.value.code, out, err


# -- explain


def test_the_tables_hold_exactly_the_codes_of_findings_and_diagnoses():
    assert set(FINDINGS) == {*SEVERITIES, *OPENING}
    assert set(DIAGNOSES) == set(CODES)
    assert set(FAILURES) == set(_FAILURE_LABELS)


def test_every_code_that_is_written_in_the_judge_is_explained():
    rooms = ("adapters", "checks", "explain", "runner")
    files = [path for room in rooms for path in (PACKAGE / room).rglob("*.py")]
    written = {
        node.value
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value)
    }
    assert {"noise", "vacuous", "kinks-only", "sign", "wrong-in-place", "forward-nonfinite"} <= written
    assert {code for code in written - NO_CODES if not list(meanings(code))} == set()


def test_every_meaning_is_a_paragraph_of_sentences():
    for table in (FINDINGS, DIAGNOSES, REASONS, FAILURES):
        for code, text in table.items():
            assert text[0].isupper() or text[0] == "`", code
            assert text.endswith("."), code
            assert len(text) > 30, code


def test_a_code_is_explained_with_its_weight_and_its_reason(capsys):
    code, out, _ = run(capsys, "explain", "mutates-input")
    assert code == 0
    assert out.startswith("mutates-input (finding, warning): A pass writes into the input array")
    assert "counts as a warning" in re.sub(r"\s+", " ", out)
    assert "mutates-input (diagnosis): a pass writes into its inputs." in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_kind_of_layer_and_a_code_in_brackets_are_understood(capsys):
    assert "computes something else than our" in run(capsys, "explain", "not-like-conv2d")[1]
    assert run(capsys, "explain", "[sign]")[1].startswith("sign (diagnosis): the gradient has the wrong sign.")


def test_all_codes_are_listed(capsys):
    _, out, _ = run(capsys, "explain")
    listed = re.sub(r"\s+", " ", out)
    assert [kind for kind in known_codes() if f"{kind}: " not in listed] == []
    assert [code for codes in known_codes().values() for code in codes if code not in listed] == []


def test_an_unknown_code_is_refused_with_a_near_one(capsys):
    code, _, err = run(capsys, "explain", "stale-stat")
    assert code == 2
    assert "there is no 'stale-stat'; did you mean `stale-state`" in err


# -- doctor


def test_doctor_prints_a_block_without_paths(capsys):
    code, out, _ = run(capsys, "doctor")
    assert code == 0
    lines = out.splitlines()
    assert (lines[0], lines[-1]) == ("```", "```")
    rows = dict(line.split(None, 1) for line in lines[1:-1])
    assert {"gradcheck", "python", "numpy", "blas", "threads", "[dask]", "[torch]", "[oracle]", "clash"} <= set(rows)
    assert re.fullmatch(r"\d+\.\d+.*", rows["numpy"])
    assert str(Path.home()) not in out


def test_doctor_tells_of_a_missing_package_and_of_a_clash(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("gradcheck.cli.doctor._version", lambda name: "missing" if name == "scipy" else "1.0")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gradcheck.py").touch()
    code, out, _ = run(capsys, "doctor")
    assert code == 2
    assert re.search(r"^scipy +missing$", out, re.MULTILINE)
    assert "gradcheck.py in this folder: rename it" in out


# -- completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_a_shell(capsys, shell):
    code, out, _ = run(capsys, "completion", shell)
    assert code == 0
    assert "_GRADCHECK_COMPLETE" in out


def test_completion_completes_commands_and_options():
    def complete(words, index):
        environment = {"_GRADCHECK_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(index)}
        return CliRunner().invoke(program, [], env=environment, prog_name="gradcheck").output

    assert "plain,check" in complete("gradcheck ch", 1)
    assert "plain,--timeout" in complete("gradcheck check --time", 2)


# -- annotations


def report(target, verdict, **more):
    return Report(target, "", verdict, None, "grad_x is wrong: 50 %", **more)


def test_what_fails_is_annotated_beside_its_file_and_nothing_else():
    results = [
        report("src/layers.py:Right", Verdict.AGREES),
        report("src/layers.py:Wrong (stride=1,2)", Verdict.DISAGREES),
        report("src/layers.py:Known", Verdict.DISAGREES, waived="known"),
        report("package.layers:Noisy", Verdict.INCONCLUSIVE),
        Failure("a,b.py:Broken", "crashed", "it broke\nand \x1b[31mmore"),
        Failure("a.py:Refused", "rejected", "no"),
    ]
    assert annotations(results) == [
        "::error file=src/layers.py,title=gradcheck::"
        "DISAGREES  src/layers.py:Wrong (stride=1,2): grad_x is wrong: 50 %25",
        "::warning title=gradcheck::INCONCLUSIVE  package.layers:Noisy: grad_x is wrong: 50 %25",
        r"::error file=a%2Cb.py,title=gradcheck::CRASHED  a,b.py:Broken: it broke and \x1b[31mmore",
    ]


LINES = (
    "class Conv:\n    def forward(self, x): return x\n\n    def backward(self, g): return g\n\n\ndef f(x): return x\n"
)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Conv", 4),
        ("Conv (stride=2)", 4),
        ("Conv like conv2d (1x1x1x1 input)", 4),
        ("Conv,f", 7),
        ("f", 0),
        ("None", 0),
    ],
)
def test_an_annotation_stands_beside_the_backward_pass(tmp_path, monkeypatch, name, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layers.py").write_text(LINES)
    (told,) = annotations([report(f"layers.py:{name}", Verdict.DISAGREES)])
    assert told.startswith(f"::error file=layers.py,{f'line={line},' if line else ''}title=gradcheck::"), told


def test_annotate_prints_them_beside_the_report(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys, "check", "nothere.py:Conv", "--annotate")
    assert code == 2
    assert out.startswith("::error file=nothere.py,title=gradcheck::NOT CHECKED  nothere.py:Conv: a target's file must")
    _, out, err = run(capsys, "check", "nothere.py:Conv", "--annotate", "--json")
    assert out.startswith("{")
    assert err.startswith("::error file=nothere.py")
