"""The suite that a command works on: one that was written before, or the pinned one, made once."""

from collections.abc import Callable
from pathlib import Path

from gradcheck.oracle.pinned import default_folder, kept_suite
from gradcheck.oracle.suite import Suite, load_suite


def suite_at(folder: Path | None, make: Callable[[], Suite]) -> tuple[Path, Suite]:
    """Return where the suite is, and the suite; without a folder it is the user's copy, which `make` makes if need be.

    Raises
    ------
    DamagedSuite
        The folder holds no suite, or a damaged one; or what was made has not the pinned checksum.
    """
    if folder is not None:
        return folder.resolve(), load_suite(folder)
    return default_folder(), kept_suite(make)
