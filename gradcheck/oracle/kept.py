"""The suite that a command works on: one that was written before, or the pinned one, made once."""

import os
from pathlib import Path

from gradcheck.oracle.making import make_cases, make_suite, names
from gradcheck.oracle.pinned import default_folder, kept_suite
from gradcheck.oracle.suite import Suite, load_suite


def suite_at(folder: Path | None) -> tuple[Path, Suite]:
    """Return where the suite is, and the suite; without a folder it is the user's copy, which is made if need be.

    Raises
    ------
    DamagedSuite
        The folder holds no suite, or a damaged one.
    """
    if folder is not None:
        return folder.resolve(), load_suite(folder)
    return default_folder(), kept_suite(_made)


def _made() -> Suite:
    return make_suite(list(make_cases(names(), workers=os.cpu_count() or 1)))
