"""Values of options that are read here, before any child starts."""

import click

from gradcheck.errors import InvalidInput
from gradcheck.runner.arguments import parse_size


def read_size(text: str) -> int:
    """Read a number of bytes, in units of 1024: 2G, 512M, 1000000."""
    try:
        return parse_size(text)
    except InvalidInput as err:
        raise click.BadParameter(str(err)) from err
