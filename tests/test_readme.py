"""README and the tutorial tell the truth: their samples are run and compared (docs/readme_samples.py)."""

import doctest
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

_spec = importlib.util.spec_from_file_location("readme_samples", ROOT / "docs" / "readme_samples.py")
samples = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(samples)


@pytest.fixture
def desk(tmp_path):
    samples.set_desk(tmp_path)
    return tmp_path


def by_line(block) -> str:
    return f"{block.page.stem}_line_{block.line}"


@pytest.mark.parametrize("block", samples.blocks("run: "), ids=by_line)
def test_shell_session_prints_what_the_page_shows(block, desk):
    session = samples.SESSION.fullmatch(block.body)
    assert session, "a session is one line that begins with '$ ', and its output"
    done = samples.run_line(session["line"], desk)
    expected = samples.expected(block, done)
    assert expected is not None, f"{block.mark} was expected, it was {done.returncode}: {done.stdout}{done.stderr}"
    assert samples.alike(session["shown"], expected), (
        f"run `python docs/readme_samples.py refresh` if this is meant; printed:\n{done.stdout}\n{done.stderr}"
    )


@pytest.mark.parametrize("block", samples.blocks("session"), ids=by_line)
def test_python_session_prints_what_the_page_shows(block, desk, monkeypatch):
    monkeypatch.chdir(desk)
    monkeypatch.syspath_prepend(str(desk))
    test = doctest.DocTestParser().get_doctest(block.body, {}, block.page.stem, block.page.name, block.line)
    told: list[str] = []
    failed = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=told.append).failed
    assert test.examples
    assert not failed, "".join(told)


def test_every_block_says_how_it_is_checked():
    marks = ("ci: ", "run: exit ", "file: ", "session", "not run: ")
    assert samples.blocks()
    assert [by_line(block) for block in samples.blocks() if not block.mark.startswith(marks)] == []


@pytest.mark.parametrize("name", ["main job", "tests"])
def test_command_is_one_line_that_makes_its_own_environment(name):
    line = samples.command(name)
    assert line.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert all(part.startswith((".venv/bin/", "python3 -m venv ")) for part in line.split(" && "))


def test_windows_form_of_each_command_runs_the_same_programs():
    windows = samples.blocks("not run: Windows")
    for name, block in zip(("main job", "tests"), windows, strict=True):
        unix = samples.command(name)
        assert block.body.strip() == unix.replace("python3 ", "py ").replace(".venv/bin/", ".venv\\Scripts\\")


def test_links_to_files_lead_somewhere():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    links = [
        (page, link) for page in pages for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    ]
    assert links
    assert [link for page, link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("wrong: 3 entries", "wrong: 3 entries", True),
        ("wrong: 3 entries", "wrong: 4 entries", False),
        ("0.25 ± 1.1e-12", "0.25 ± 3.7e-12", True),
        ("0.25 ± 1.1e-12", "0.25 ± 3.7e-09", False),
        ("claims 12.345", "claims 12.346", True),
        ("claims 12.345", "claims 12.445", False),
        ("took 0.29 s", "took 12 s", True),
        ("calls   31 forward,\n  5 backward\nseed 0", "calls   12 forward, 3 backward\nseed 0", True),
        ("calls 31 seed 0", "calls 31 seed 1", False),
        ("agrees   on\nall  \n", "agrees on all\n", True),
        ("agrees", "disagrees", False),
    ],
)
def test_output_is_compared_up_to_measured_noise(shown, printed, same):
    assert samples.alike(shown, printed) is same
