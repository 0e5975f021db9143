"""`gradcheck new`: write a case for a target, the escape hatch for what follows no known convention."""

from pathlib import Path

import click

from gradcheck.errors import InvalidInput
from gradcheck.runner.outline import outline_of
from gradcheck.runner.targets import parse_target
from gradcheck.runner.template import template

_HELP = """Write a case for TARGET, a template to be mended by hand.

A case is one function, case(**inputs), that returns (output, pullback); it
serves any layer, whatever its convention. What is written runs at once through
gradcheck check. The target's source is read, and nothing of it is run.

\b
Examples:
  gradcheck new layers.py:Conv -o conv_case.py
  gradcheck check conv_case.py:case --input x=2,3,8,8
  gradcheck new layers.py:conv_forward,conv_backward"""


@click.command("new", help=_HELP, context_settings={"max_content_width": 80})
@click.argument("target")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file, which must not exist yet.  [default: print it]",
)
def command(target: str, output: Path | None) -> int:
    """Write the case and return the exit code."""
    text = template(outline_of(parse_target(target)), target, output)
    if output is None:
        click.echo(text, nl=False)
        return 0
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as err:
        raise InvalidInput(f"-o must name a file that does not exist yet; there is {str(output)!r} already.") from err
    except OSError as err:
        raise InvalidInput(f"-o must name a file that can be written; {str(output)!r}: {err.strerror}.") from err
    click.echo(f"wrote {output}", err=True)
    return 0
