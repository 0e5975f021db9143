"""`gradcheck layers`: the hand-derived layers that come with gradcheck, and where the article has them."""

import inspect
import json
import shlex
import sys
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

import click

from gradcheck.cli.terminal import terminal
from gradcheck.errors import InvalidInput, did_you_mean
from gradcheck.runner.arguments import parse_value

if TYPE_CHECKING:
    from gradcheck.layers.catalogue import Entry
    from gradcheck.report.paper import Paper

_HELP = """List the layers that come with gradcheck, with their equations in the article.

With a NAME, say what that layer takes and how it is derived, and print a command that checks it.

\b
Examples:
  gradcheck layers
  gradcheck layers Conv
  gradcheck layers --json"""

_NAME_WIDTH = 17  # a longer name has a line of its own
_SCHEMA = "gradcheck/layers/1"


@click.command("layers", help=_HELP)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
def command(names: tuple[str, ...], as_json: bool) -> int:
    """List the layers, or tell about the named ones."""
    from gradcheck.report.paper import Paper

    screen = terminal()
    paper = Paper(screen.width, screen.color, screen.unicode)
    entries = _chosen(names)
    if as_json:
        text = json.dumps(_document(entries), indent=2)
    elif names:
        text = "\n\n".join("\n".join(_details(entry, paper)) for entry in entries)
    else:
        text = "\n".join(_table(entries, paper))
    sys.stdout.write(text + "\n")
    return 0


def _chosen(names: tuple[str, ...]) -> list["Entry"]:
    from gradcheck.layers.catalogue import CATALOGUE

    known = {entry.name.casefold(): entry for entry in CATALOGUE}
    for name in names:
        if name.casefold() not in known:
            all_names = [entry.name for entry in CATALOGUE]
            raise InvalidInput(
                f"there is no layer {name!r}{did_you_mean(name, all_names) or ': see gradcheck layers.'}"
            )
    return [known[name.casefold()] for name in names] or list(CATALOGUE)


def _table(entries: list["Entry"], paper: "Paper") -> list[str]:
    lines = []
    for entry in entries:
        equations = f" [{entry.equations}]" if entry.equations else ""
        fits = len(entry.name) < _NAME_WIDTH
        first = f"{entry.name if fits else '':{_NAME_WIDTH}}"
        wrapped = paper.wrap(entry.summary + equations, first=first)
        if fits:
            wrapped[0] = paper.paint(entry.name, "bold") + wrapped[0][len(entry.name) :]
        else:
            wrapped.insert(0, paper.paint(entry.name, "bold"))
        lines += wrapped
    return lines


def _details(entry: "Entry", paper: "Paper") -> list[str]:
    doc = (inspect.getdoc(type(entry.layer)) or "").splitlines()
    return [
        *paper.wrap(f"{entry.name}{_signature(entry.layer)}", rest="    "),
        *paper.wrap(entry.summary, first="  "),
        *(paper.wrap(f"in the article: {entry.equations}", first="  ") if entry.equations else []),
        *paper.wrap(f"forward({_names(entry.layer.forward)})", first="  "),
        "",
        *(line for text in doc for line in _reflowed(text, paper)),
        *(["", *paper.verbatim(command_line(entry), indent="  ")] if command_line(entry) else []),
    ]


def _reflowed(text: str, paper: "Paper") -> list[str]:
    """Break a line of a docstring that is too long, at its own indent."""
    indent = "  " + text[: len(text) - len(text.lstrip())]
    return paper.wrap(text.strip(), first=indent) if text.strip() else [""]


def command_line(entry: "Entry") -> str:
    """Return the command that checks the catalogue's example of a layer; none where a shell can't write its values."""
    settings = _set(entry.layer)
    if any(parse_value(repr(value)) != value for value in settings.values()):
        return ""
    words = ["gradcheck", "check", f"gradcheck.layers:{entry.name}"]
    words += [word for text in entry.inputs for word in ("--input", text)]
    words += [word for name, value in settings.items() for word in ("--arg", f"{name}={value!r}")]
    return shlex.join(words)


def _set(layer: Any) -> dict[str, Any]:
    """Return the hyperparameters of an example that differ from their defaults."""
    values = {one.name: (getattr(layer, one.name), one.default) for one in fields(layer) if one.init}
    return {name: value for name, (value, default) in values.items() if default is MISSING or value != default}


def _signature(layer: Any) -> str:
    shown = [one.name if one.default is MISSING else f"{one.name}={one.default!r}" for one in fields(layer) if one.init]
    return f"({', '.join(shown)})"


def _names(function: Any) -> str:
    return ", ".join(
        f"{p.name}=None" if p.default is None else str(p).partition(":")[0]
        for p in inspect.signature(function).parameters.values()
    )


def _document(entries: list["Entry"]) -> dict[str, Any]:
    from gradcheck import __version__

    return {
        "schema": _SCHEMA,
        "gradcheck": __version__,
        "layers": [
            {
                "name": entry.name,
                "equations": entry.equations,
                "summary": entry.summary,
                "arguments": _names(entry.layer.forward).split(", "),
                "hyperparameters": _signature(entry.layer),
                "check": command_line(entry),
            }
            for entry in entries
        ],
    }
