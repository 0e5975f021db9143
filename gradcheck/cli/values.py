"""Values of options that are read here, before any child starts."""

import re

import click

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def read_size(text: str) -> int:
    """Read a number of bytes, in units of 1024: 2G, 512M, 1000000."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", text.strip().lower())
    if not match or float(match[1]) == 0:
        raise click.BadParameter(f"a size must be a number of bytes above 0, for instance 2G or 512M; it is {text!r}.")
    return int(float(match[1]) * _UNITS[match[2]])
