"""The suite that this release stands for: its checksum and counts, and where a user's copy of it lives."""

import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from gradcheck.oracle.suite import MANIFEST, SCHEMA, DamagedSuite, Suite, load_suite, write_suite


def pinned() -> dict[str, Any]:
    """Return the pinned record: schema, edition, sha256, cases, tensors, bytes, and the cases of each operation."""
    text = (files("gradcheck.oracle") / "vectors-1.pinned.json").read_text(encoding="utf-8")
    record: dict[str, Any] = json.loads(text)
    return record


def record_of(suite: Suite) -> dict[str, Any]:
    """Return what is pinned of a suite."""
    tensors = [tensor for case in suite for tensor in case.tensors.values()]
    return {
        "schema": SCHEMA,
        "edition": suite.edition,
        "sha256": suite.sha256,
        "cases": len(suite),
        "tensors": len(tensors),
        "bytes": sum(tensor.nbytes for tensor in tensors),
        "flags": len({flag for case in suite for flag in case.flags}),
        "operations": dict(sorted(Counter(case.operation for case in suite).items())),
        "results": dict(sorted(Counter(case.result for case in suite).items())),
    }


def default_folder(environment: Mapping[str, str] = os.environ, system: str = sys.platform) -> Path:
    """Return where the user's copy of the pinned suite lives: in the cache folder that the system foresees."""
    home = Path(environment.get("HOME") or environment.get("USERPROFILE") or Path.home())
    if system == "win32":
        caches = Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif system == "darwin":
        caches = home / "Library" / "Caches"
    else:
        caches = Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    record = pinned()
    return caches / "gradcheck" / f"vectors-{record['edition']}-{record['sha256'][:16]}"


def kept_suite(make: Callable[[], Suite], folder: Path | None = None) -> Suite:
    """Return the pinned suite from the user's cache; the first time, `make` makes it.

    It is written beside its place and moved there as a whole, so that a run that is killed leaves no half of it, and
    of two runs at once the later one finds the earlier one's. A damaged copy is made anew.

    Raises
    ------
    DamagedSuite
        What was made has not the pinned checksum.
    """
    folder = default_folder() if folder is None else folder
    if (folder / MANIFEST).exists():
        try:
            return _held_to_pin(load_suite(folder))
        except DamagedSuite:
            shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="unfinished-") as aside:
        written = Path(aside) / "suite"
        write_suite(_held_to_pin(make()), written)
        try:
            written.rename(folder)
        except OSError:  # another run was faster; what it left is held to the pin below
            if not (folder / MANIFEST).exists():
                raise
    return _held_to_pin(load_suite(folder))


def _held_to_pin(suite: Suite) -> Suite:
    expected = pinned()["sha256"]
    if suite.sha256 != expected:
        raise DamagedSuite(
            f"the suite must have the checksum that this release pins, {expected[:16]}...; it has "
            f"{suite.sha256[:16]}.... Please report it, with the output of gradcheck vectors verify."
        )
    return suite
