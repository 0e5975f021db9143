"""Fail where a folder's passing tests are fewer than a stated minimum: `minimum.py results.xml tests=60 ...`."""

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

NOT_PASSED = ("failure", "error", "skipped")


def passed_by_folder(results: Path) -> Counter[str]:
    """Count passing tests by the first folder of their path, from pytest's JUnit file."""
    cases = ElementTree.parse(results).getroot().iter("testcase")
    passing = (case for case in cases if not any(case.find(tag) is not None for tag in NOT_PASSED))
    return Counter(case.get("classname", "").split(".")[0] for case in passing)


if __name__ == "__main__":
    counts = passed_by_folder(Path(sys.argv[1]))
    wanted = {folder: int(least) for folder, least in (rule.split("=") for rule in sys.argv[2:])}
    for folder, least in wanted.items():
        print(f"{folder}/: {counts[folder]} passing tests, at least {least} expected")
    sys.exit(any(counts[folder] < least for folder, least in wanted.items()))
