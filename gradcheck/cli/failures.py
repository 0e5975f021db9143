"""Failing cases that were found before, in a JSON file of the user's project."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

_MOST = 10  # remembered of one target; the newest first


class Failures:
    """The cases of each target, by a name that also says what they are made of; nothing is kept without a `path`."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._cases: dict[str, list[Mapping[str, Any]]] = {}
        if path is not None and path.is_file():
            self._cases = _read(path)

    def known(self, name: str) -> list[Mapping[str, Any]]:
        """Return the cases that failed before, the newest first."""
        return list(self._cases.get(name, []))

    def keep(self, name: str, case: Mapping[str, Any] | None) -> None:
        """Remember a case, or that none fails any more, and write the file."""
        before = self.known(name)
        now = [case, *(one for one in before if one != case)][:_MOST] if case is not None else []
        if self._path is None or now == before:
            return
        self._cases = {**{n: cases for n, cases in self._cases.items() if n != name}, **({name: now} if now else {})}
        self._path.parent.mkdir(exist_ok=True)
        text = json.dumps({"failures": self._cases}, indent=1, sort_keys=True)
        self._path.write_text(text + "\n", encoding="utf-8")


def _read(path: Path) -> dict[str, list[Mapping[str, Any]]]:
    """Read the file; what is damaged is said and left aside, for it only saves time."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["failures"]
        return {str(name): [dict(case) for case in cases] for name, cases in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        click.echo(f"note: {path} cannot be read ({type(err).__name__}: {err}); it is begun anew", err=True)
        return {}
