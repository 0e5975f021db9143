"""Two ledgers compared, and one ledger read across: which meaning of `*` makes which equations true together."""

from collections.abc import Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]
STARS = ("convolution", "cross-correlation")


def cross_table(rows: Sequence[Entry]) -> dict[int, dict[str, str]]:
    """Return, for each equation in which `*` stands, the verdict under either meaning of it."""
    table: dict[int, dict[str, str]] = {}
    for row in rows:
        if row["star"]:
            table.setdefault(row["number"], {})[row["star"]] = verdict(row)
    return table


def conclusion(rows: Sequence[Entry]) -> list[str]:
    """Say, from the verdicts alone, what `*` must mean where, and whether one meaning serves throughout."""
    table = cross_table(rows)
    true = {star: [number for number, cells in table.items() if cells.get(star) == "holds"] for star in STARS}
    said = [
        f"With * as {star}, Eqs. {listed(numbers)} hold for all operands." for star, numbers in true.items() if numbers
    ]
    one_for_all = [star for star, numbers in true.items() if len(numbers) == len(table)]
    if one_for_all:
        return [*said, f"Read * as {one_for_all[0]} throughout: all equations with * hold together."]
    said.append("No single meaning of * makes all of them true: the article uses the sign for both operations.")
    for star in STARS:
        needs = sorted(
            {cells[star].removeprefix("holds only if ") for cells in table.values() if cells[star] != "holds"}
        )
        said.append(f"Read as {star} throughout, the others hold only if: {'; and if '.join(needs)}.")
    return [*said, *_in_no_reading(rows)]


def _in_no_reading(rows: Sequence[Entry]) -> list[str]:
    """Name the equations that no reading of what is printed makes true."""
    true = {row["number"] for row in rows if row["verdict"] in ("holds", "definition") and not row["corrected"]}
    broken = [number for number in dict.fromkeys(row["number"] for row in rows) if number not in true]
    numbers = [number for number in broken if isinstance(number, int)]
    return [f"In no reading of what is printed does Eq. {listed(numbers)} hold for all operands."] if numbers else []


def corrections(rows: Sequence[Entry]) -> list[Entry]:
    """Return the rows that state a corrected equation and hold."""
    return [row for row in rows if row["corrected"] and row["verdict"] == "holds"]


def verdict(row: Entry) -> str:
    """Return the verdict, with its condition if it has one."""
    return " ".join(str(part) for part in (row["verdict"], row["condition"]) if part)


def listed(numbers: Sequence[int]) -> str:
    """Return "4, 5 and 22".

    >>> listed([4, 5, 22]), listed([6])
    ('4, 5 and 22', '6')
    """
    *front, last = map(str, numbers)
    return f"{', '.join(front)} and {last}" if front else last


def deviations(stored: Sequence[Entry], fresh: Sequence[Entry]) -> list[str]:
    """Name what differs between two ledgers in number, reading, verdict or condition; neither order matters."""
    before, after = (_by_name(rows) for rows in (stored, fresh))
    found = [f"{_called(name)}: not in the stored ledger" for name in after if name not in before]
    for name, one in before.items():
        if name not in after:
            found.append(f"{_called(name)}: no longer there")
        elif one != after[name]:
            found.append(f"{_called(name)}: stored {_verdict(one)}, found {_verdict(after[name])}")
    return found


def _by_name(rows: Sequence[Entry]) -> dict[tuple[Any, Any], tuple[Any, ...]]:
    return {(one["number"], one["reading"]): (one["verdict"], one["condition"]) for one in rows}


def _called(name: tuple[Any, Any]) -> str:
    return f"{called(name[0])}, {name[1]}"


def called(number: int | str) -> str:
    """Return "Eq. 14" for 14, and a label as it is."""
    return f"Eq. {number}" if isinstance(number, int) else number


def _verdict(pair: tuple[Any, ...]) -> str:
    return " ".join(str(part) for part in pair if part)
