"""README tells the truth: its samples are run, its output is compared, and no block escapes.

A comment above a fenced block says what it is: `ci: NAME` (one of the two commands, run by .ci/run in a fresh clone),
`run: exit N` (a shell session, run here in a process of its own), `file: NAME` (saved for the sessions below it),
`session` (a Python session, run as a doctest), `not run: WHY`.
"""

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[^\n]*?) -->\n)?```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
NOISE_FACTOR = 30.0  # bars and resolutions are made of measured rounding, which differs between processors and versions
FEWEST_DIGITS = 4  # a number written with more digits than this is no measured noise, and must be the same


@dataclass(frozen=True)
class Block:
    """A fenced block of README, with the comment above it."""

    mark: str
    language: str
    body: str
    line: int


BLOCKS = [
    Block(found["mark"] or "", found["language"], found["body"], README[: found.start()].count("\n") + 1)
    for found in BLOCK.finditer(README)
]


def marked(start: str) -> list[Block]:
    return [block for block in BLOCKS if block.mark.startswith(start)]


def alike(shown: str, printed: str) -> bool:
    """Tell whether two texts are the same but for white space at line ends and measured noise."""
    if NUMBER.split(tidy(shown)) != NUMBER.split(tidy(printed)):
        return False
    return all(map(close, NUMBER.findall(shown), NUMBER.findall(printed)))


def tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def close(left: str, right: str) -> bool:
    """Integers and long numbers must be equal to their last digit but one; short decimals are allowed to be noise."""
    if left == right:
        return True
    if re.fullmatch(r"[-+]?\d+", left) or re.fullmatch(r"[-+]?\d+", right):
        return False
    a, b = float(left), float(right)
    if len(re.sub(r"e.*|\D", "", left).lstrip("0")) >= FEWEST_DIGITS:
        return abs(a - b) <= 1e-3 * abs(a)
    return a * b > 0 and max(a / b, b / a) < NOISE_FACTOR


@pytest.fixture
def desk(tmp_path):
    """A stranger's working directory: the examples, and the files that README tells one to write."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    for block in marked("file: "):
        (tmp_path / block.mark.removeprefix("file: ")).write_text(block.body, encoding="utf-8")
    return tmp_path


def run_line(line: str, folder: Path) -> subprocess.CompletedProcess:
    """Run one command line of README with this environment's programs, 80 columns and no terminal."""
    scripts = sysconfig.get_path("scripts")
    environment = {
        **os.environ,
        "PATH": scripts + os.pathsep + os.environ["PATH"],
        "COLUMNS": "80",
        "PYTHONIOENCODING": "utf-8",
    }
    program, *arguments = shlex.split(line.replace("\\\n", " "))
    found = shutil.which(program, path=environment["PATH"])
    assert found, f"{program} is not installed here"
    return subprocess.run(
        [found, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("block", marked("run: "), ids=lambda block: f"line_{block.line}")
def test_shell_session_prints_what_readme_shows(block, desk):
    session = re.fullmatch(r"\$ (?P<line>(?:[^\n]*\\\n)*[^\n]*)\n(?P<shown>.*)", block.body, re.DOTALL)
    assert session, "a session is one line that begins with '$ ', and its output"
    done = run_line(session["line"], desk)
    assert f"run: exit {done.returncode}" == block.mark, done.stdout + done.stderr
    assert alike(session["shown"], done.stdout), f"printed:\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("block", marked("session"), ids=lambda block: f"line_{block.line}")
def test_python_session_prints_what_readme_shows(block, desk, monkeypatch):
    monkeypatch.chdir(desk)
    monkeypatch.syspath_prepend(str(desk))
    test = doctest.DocTestParser().get_doctest(block.body, {}, "README", "README.md", block.line)
    told: list[str] = []
    failed = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=told.append).failed
    assert test.examples
    assert not failed, "".join(told)


def test_every_block_says_how_it_is_checked():
    marks = ("ci: ", "run: exit ", "file: ", "session", "not run: ")
    assert [f"line {block.line}" for block in BLOCKS if not block.mark.startswith(marks)] == []


def test_the_two_commands_are_one_line_each_and_make_their_own_environment():
    for name in ("main job", "tests"):
        (block,) = marked(f"ci: {name}")
        assert block.body.count("\n") == 1
        assert block.body.startswith("python3 -m venv .venv && ")


def test_the_windows_form_runs_the_same_programs():
    windows = marked("not run: Windows")
    for name, block in zip(("main job", "tests"), windows, strict=True):
        (unix,) = marked(f"ci: {name}")
        translated = unix.body.replace("python3 ", "py ").replace(".venv/bin/", ".venv\\Scripts\\")
        assert block.body == translated.replace("'", '"')


def test_links_to_files_lead_somewhere():
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("wrong: 3 entries", "wrong: 3 entries", True),
        ("wrong: 3 entries", "wrong: 4 entries", False),
        ("0.25 ± 1.1e-12", "0.25 ± 3.7e-12", True),
        ("0.25 ± 1.1e-12", "0.25 ± 3.7e-09", False),
        ("claims 12.345", "claims 12.346", True),
        ("claims 12.345", "claims 12.445", False),
        ("agrees  \n", "agrees\n", True),
        ("agrees", "disagrees", False),
    ],
)
def test_output_is_compared_up_to_measured_noise(shown, printed, same):
    assert alike(shown, printed) is same
