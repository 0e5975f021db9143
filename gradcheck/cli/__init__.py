"""The command line. A subcommand's file is loaded when it runs, so that `gradcheck --help` starts at once."""

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from gradcheck.cli.exits import BROKEN, INTERRUPTED
from gradcheck.errors import GradcheckError

# The subcommands: their file, and the line that `gradcheck --help` says about each.
_COMMANDS = {
    "article": ("gradcheck.cli.article", "Show what is true of the article's equations, and why."),
    "check": ("gradcheck.cli.check", "Check the backward pass of a layer in a file or module."),
    "conform": ("gradcheck.cli.conform", "Hold an implementation to the golden vectors."),
    "completion": ("gradcheck.cli.completion", "Print what makes a shell complete commands."),
    "doctor": ("gradcheck.cli.doctor", "Say what runs here, as a block for a bug report."),
    "explain": ("gradcheck.cli.explain", "Explain a code of a report, and what to do about it."),
    "fuzz": ("gradcheck.cli.fuzz", "Draw cases until a backward pass is wrong, and shrink them."),
    "layers": ("gradcheck.cli.layers", "List the layers that come with gradcheck, with their equations."),
    "new": ("gradcheck.cli.new", "Write a case, the way in for a layer that follows no convention."),
    "selftest": ("gradcheck.cli.selftest", "Prove the judge on layers whose answer is known."),
    "vectors": ("gradcheck.cli.vectors", "Write or verify golden vectors for other implementations."),
}

_HELP = """Say whether a hand-written backward pass is right.

Given a forward and a backward pass, gradcheck says whether the backward pass is right, how small an error it could
have seen, and, when it is wrong, where and why. There is no tolerance to set.

\b
Examples:
  gradcheck check layers.py:Conv --input x=2,3,8,8 --input w=4,3,3,3
  gradcheck check layers.py:conv,back --input x=2,3,8,8 --input w=4,3,3,3
  gradcheck layers Conv

\b
Exit codes: 0 agrees, 1 disagrees, 2 wrong usage, or a target cannot be run,
3 inconclusive, 130 interrupted; over many targets the first of 1, 2, 3, 0."""


class _Commands(click.Group):
    """A group whose subcommands are listed without being loaded."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(_COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        import gradcheck

        click.echo(f"gradcheck {gradcheck.__version__}")
        ctx.exit()


@click.group(
    cls=_Commands, help=_HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80}
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def program() -> None:
    """Say whether a hand-written backward pass is right; `_HELP` is what is shown."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code; an error is one sentence on stderr."""
    try:
        code = program.main(args=arguments, prog_name="gradcheck", standalone_mode=False)
    except click.ClickException as err:
        err.show()
        sys.exit(BROKEN)
    except GradcheckError as err:
        click.echo(f"Error: {err}", err=True)
        sys.exit(BROKEN)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)
