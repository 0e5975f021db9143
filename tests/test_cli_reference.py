"""docs/cli.md shows the command line as it is."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_spec = importlib.util.spec_from_file_location("cli_reference", ROOT / "docs" / "cli_reference.py")
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)


def test_the_page_shows_what_help_prints():
    advice = "run `python docs/cli_reference.py` and commit docs/cli.md"
    assert reference.PAGE.read_text(encoding="utf-8") == reference.written(), advice


def test_every_subcommand_has_a_section():
    page = reference.PAGE.read_text(encoding="utf-8")
    assert "## gradcheck check\n" in page
    assert "## gradcheck layers\n" in page
