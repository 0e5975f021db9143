"""docs/cli.md shows the command line as it is."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "cli.md"


def test_the_page_shows_what_help_prints():
    # In a process of its own: click keeps the help option that a command was first asked for, here by other tests.
    printed = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "cli_reference.py"), "print"], capture_output=True, check=True
    ).stdout.decode("utf-8")
    assert PAGE.read_text(encoding="utf-8") == printed, "run `python docs/cli_reference.py` and commit docs/cli.md"


def test_every_subcommand_has_a_section():
    page = PAGE.read_text(encoding="utf-8")
    assert "## gradcheck check\n" in page
    assert "## gradcheck vectors write\n" in page
