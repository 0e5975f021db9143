"""Values of options that are read here, before any child starts."""

import re
from typing import Any

import click

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


class Size(click.ParamType[int]):
    """A number of bytes: 2G, 512M, 1000000."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read a size, in units of 1024."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", str(value).strip().lower())
        if not match or float(match[1]) == 0:
            self.fail(
                f"a size must be a number of bytes above 0, for instance 2G or 512M; it is {value!r}.", param, ctx
            )
        return int(float(match[1]) * _UNITS[match[2]])
