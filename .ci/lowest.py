"""Turn the lower bounds of pyproject.toml into exact constraints, or say whether they are what is installed.

lowest.py pyproject.toml pytest,plot              print one `name==version` a line
lowest.py pyproject.toml pytest,plot --installed  fail unless exactly those versions are installed
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)>=(?P<least>[0-9.]+)(,<[0-9.]+)?")


def bounds(project: dict[str, object], extras: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (name, lowest version) of the required packages and those of `extras`; all must have a lower bound."""
    optional = project["optional-dependencies"]
    for requirement in [*project["dependencies"], *(one for extra in extras for one in optional[extra])]:
        found = REQUIREMENT.fullmatch(requirement)
        if found is None:
            raise SystemExit(f"a requirement must read name>=version; it reads {requirement!r}")
        yield found["name"], found["least"]


def same(left: str, right: str) -> bool:
    """Compare versions, 4.12.1 and 4.12.1.0 being the same."""
    return re.sub(r"(\.0)+$", "", left) == re.sub(r"(\.0)+$", "", right)


def main(pyproject: str, extras: str, *, installed: bool) -> int:
    """Print the constraints, or every package whose installed version is not its lower bound."""
    project = tomllib.loads(Path(pyproject).read_text(encoding="utf-8"))["project"]
    lowest = list(bounds(project, extras.split(",")))
    if not installed:
        print("\n".join(f"{name}=={least}" for name, least in lowest))
        return 0
    wrong = [f"{name} {version(name)} instead of {least}" for name, least in lowest if not same(version(name), least)]
    print("\n".join(wrong) or f"{len(lowest)} packages at their lower bounds")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], installed="--installed" in sys.argv))
