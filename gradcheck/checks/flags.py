"""What was flagged at all points, by argument."""

from collections.abc import Mapping, Sequence

from gradcheck.checks.ruling import Flag

Flags = dict[str, list[Flag]]


def add_to(flags: Flags, more: Mapping[str, Sequence[Flag]] | None) -> None:
    """Add what was flagged elsewhere."""
    for name, others in (more or {}).items():
        flags[name] = [*flags.get(name, []), *others]


def wrong_of(flags: Mapping[str, Sequence[Flag]]) -> list[str]:
    """Return the arguments known to be wrong, at which nothing more needs to be looked."""
    return [name for name, found in flags.items() if any(flag.confirmed for flag in found)]


def doubted_of(flags: Flags) -> list[str]:
    """Return the arguments with a discrepancy that nothing explains, confirmed or not."""
    return [name for name, found in flags.items() if not all(flag.excused for flag in found)]


def lost_of(flags: Flags) -> list[str]:
    """Return the arguments of which backward loses digits somewhere."""
    return [name for name, found in flags.items() if any(flag.lost for flag in found)]
