"""Print the closing line `N passed, N failed` over pytest's JUnit files: `closing_line.py STATUS results.xml ...`.

A run that failed outside pytest (a linter, an installation) counts as one failure.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree


def tally(files: list[Path]) -> tuple[int, int, int]:
    """Return the numbers of passed, failed and skipped tests."""
    suites = [suite for file in files for suite in ElementTree.parse(file).getroot().iter("testsuite")]
    total, failed, skipped = (
        sum(int(suite.get(key, 0)) for suite in suites for key in keys)
        for keys in (("tests",), ("failures", "errors"), ("skipped",))
    )
    return total - failed - skipped, failed, skipped


if __name__ == "__main__":
    passed, failed, skipped = tally([path for path in map(Path, sys.argv[2:]) if path.exists()])
    if sys.argv[1] != "0":
        failed = max(failed, 1)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
