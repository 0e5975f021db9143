"""Write the reference of the command line from the program itself: `python docs/cli_reference.py` writes docs/cli.md.

tests/test_cli_reference.py holds the page to the program, by what `python docs/cli_reference.py print` prints.
"""

import sys
from pathlib import Path

import click

from gradcheck import cli

PAGE = Path(__file__).with_name("cli.md")
HEAD = """# The command line

Every page below is what `--help` prints. Written by `python docs/cli_reference.py`.
"""


def written() -> str:
    """Return the page: the program's help, then that of each subcommand."""
    context = _context(cli.program, None, "gradcheck")
    parts = [HEAD, _section("gradcheck", cli.program, context)]
    for name in cli.program.list_commands(context):
        command = cli.program.get_command(context, name)
        assert command is not None
        inner = _context(command, context, name)
        parts.append(_section(f"gradcheck {name}", command, inner))
        for below in getattr(command, "commands", {}):
            part = command.commands[below]
            parts.append(_section(f"gradcheck {name} {below}", part, _context(part, inner, below)))
    return "\n".join(parts)


def _context(command: click.Command, parent: click.Context | None, name: str) -> click.Context:
    settings = {**command.context_settings, "max_content_width": 80, "terminal_width": 80}
    return click.Context(command, parent=parent, info_name=name, **settings)


def _section(title: str, command: click.Command, context: click.Context) -> str:
    shown = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return f"## {title}\n\n```text\n{shown}\n```\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["print"]:
        sys.stdout.buffer.write(written().encode("utf-8"))
    else:
        PAGE.write_text(written(), encoding="utf-8")
