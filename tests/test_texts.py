"""Every file of the repository as text: its length, its white space, and no stubs or unexplained exceptions."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (".ci", "benchmarks", "docs", "examples", "gradcheck", "properties", "reference", "tests")
SUFFIXES = {".py", ".md", ".toml", ".cff", ".yml"}
LONGEST_MODULE = 400

UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|raise NotImplemented" + r"Error(?:\(\))?$")
UNEXPLAINED = re.compile(r"#\s*(?:no" + r"qa(?!: [A-Z]+\d+.*\w \w)|type: ig" + r"nore(?!\[[\w,-]+\].*\w \w))")


def texts() -> list[Path]:
    """Every text file that belongs to the repository."""
    inside = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if "_build" not in path.parts]
    return sorted(path for path in [*ROOT.glob("*"), *inside] if path.suffix in SUFFIXES)


def untidy(text: str) -> list[str]:
    """Name what is wrong with the white space of a text."""
    faults = [
        f"line {i}: white space at its end" for i, line in enumerate(text.split("\n"), 1) if line != line.rstrip()
    ]
    faults += [f"a {name}" for name, sign in (("tab", "\t"), ("carriage return", "\r")) if sign in text]
    return faults if not text or re.search(r"[^\n]\n\Z", text) else [*faults, "not one newline at the end"]


@pytest.mark.parametrize("text", ["a \n", "a\tb\n", "a\r\n", "a", "a\n\n"])
def test_untidy_text_is_found(text):
    assert untidy(text)


@pytest.mark.parametrize("text", ["", "a\n", "a\n\nb\n"])
def test_tidy_text_is_accepted(text):
    assert not untidy(text)


@pytest.mark.parametrize(
    "line", ["x = f()  # no" + "qa", "x = f()  # no" + "qa: B018", "x = 1  # type: ig" + "nore[arg-type]"]
)
def test_exception_from_a_rule_without_code_and_reason_is_found(line):
    assert UNEXPLAINED.search(line)


def test_exception_from_a_rule_with_code_and_reason_is_accepted():
    assert not UNEXPLAINED.search("x = f()  # no" + "qa: B018 - the access itself is under test")
    assert not UNEXPLAINED.search("x = f()  # type: ig" + "nore[arg-type]  # a wrong type is the point")


def test_repository_is_tidy():
    found = {str(path.relative_to(ROOT)): untidy(path.read_bytes().decode("utf-8")) for path in texts()}
    assert {path: faults for path, faults in found.items() if faults} == {}


def test_no_module_is_longer_than_400_lines():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in texts() if path.suffix == ".py"}
    assert lengths
    assert {str(path): length for path, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_source_holds_a_stub_or_an_unexplained_exception():
    found = [
        f"{path.relative_to(ROOT)}:{number} {line.strip()}"
        for path in texts()
        if path.suffix == ".py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNFINISHED.search(line) or UNEXPLAINED.search(line)
    ]
    assert found == []
