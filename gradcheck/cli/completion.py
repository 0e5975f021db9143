"""`gradcheck completion`: the lines that make a shell complete commands and options."""

import click
from click.shell_completion import get_completion_class

_HELP = """Print what makes SHELL complete commands and options.

\b
Examples:
  gradcheck completion bash >> ~/.bashrc
  gradcheck completion zsh >> ~/.zshrc
  gradcheck completion fish > ~/.config/fish/completions/gradcheck.fish"""


@click.command("completion", help=_HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print the shell's own source, as click writes it."""
    from gradcheck.cli import program

    kind = get_completion_class(shell)
    assert kind is not None
    source = kind(program, {}, "gradcheck", "_GRADCHECK_COMPLETE").source_template % {
        "complete_func": "_gradcheck_completion",
        "complete_var": "_GRADCHECK_COMPLETE",
        "prog_name": "gradcheck",
    }
    click.echo(source)
    return 0
