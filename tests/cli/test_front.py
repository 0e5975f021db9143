"""The front door: help, version, start-up, `gradcheck layers`, and what the stream can show."""

import io
import json
import shlex
import subprocess
import sys

import pytest

from gradcheck import __version__
from gradcheck.cli import main
from gradcheck.cli.terminal import terminal
from gradcheck.cli.values import read_size


@pytest.fixture
def run(capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return run


def test_help_lists_every_subcommand(run):
    code, out, _ = run("--help")
    assert code == 0
    for name in ("check", "layers"):
        assert f"\n  {name}" in out


@pytest.mark.parametrize("arguments", [("--help",), ("check", "--help"), ("layers", "--help")])
def test_help_fits_80_columns(run, arguments):
    _, out, _ = run(*arguments)
    assert max(map(len, out.splitlines())) <= 80


def test_version_is_that_of_the_package(run):
    assert run("--version") == (0, f"gradcheck {__version__}\n", "")


def test_an_unknown_subcommand_exits_with_2(run):
    code, _, err = run("chek")
    assert code == 2
    assert "chek" in err


@pytest.mark.parametrize("arguments", ["['--help']", "['check', '--help']"])
def test_help_loads_nothing_heavy(arguments):
    script = (
        "import sys, contextlib, io\n"
        "from gradcheck.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        f"    main({arguments})\n"
        "print([m for m in ('numpy', 'scipy', 'hypothesis', 'psutil', 'asyncio', 'torch') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_layers_lists_the_catalogue_with_equations(run):
    code, out, _ = run("layers")
    assert code == 0
    assert "Conv   " in out
    assert "Eqs. 1-7" in out
    assert max(map(len, out.splitlines())) <= 80


def test_layers_of_one_name_tells_what_it_takes(run):
    code, out, _ = run("layers", "linear")
    assert code == 0
    assert out.startswith("Linear()\n")
    assert "forward(input, weight, bias=None)" in out


def test_layers_of_an_unknown_name_suggests_a_near_one(run):
    code, out, err = run("layers", "MaxPol")
    assert (code, out) == (2, "")
    assert "there is no layer 'MaxPol'; did you mean `MaxPool`" in err


def test_layers_as_json_is_one_document(run):
    from gradcheck.layers.catalogue import CATALOGUE

    _, out, _ = run("layers", "--json")
    document = json.loads(out)
    assert document["schema"] == "gradcheck/layers/1"
    assert [layer["name"] for layer in document["layers"]] == [entry.name for entry in CATALOGUE]


def test_the_command_that_layers_prints_runs(run):
    _, out, _ = run("layers", "Linear", "--json")
    words = shlex.split(json.loads(out)["layers"][0]["check"])
    assert words[:2] == ["gradcheck", "check"]
    assert run(*words[1:], "-q")[0] == 0


SIZES = [("2G", 2 << 30), ("512m", 512 << 20), ("1000000", 1000000), ("1.5GiB", 3 << 29), ("64 MB", 64 << 20)]


@pytest.mark.parametrize(("text", "size"), SIZES, ids=[text for text, _ in SIZES])
def test_a_size_is_read_in_units_of_1024(text, size):
    assert read_size(text) == size


class Screen(io.StringIO):
    def __init__(self, encoding, is_terminal):
        super().__init__()
        self.kind, self.is_terminal = encoding, is_terminal

    encoding = property(lambda self: self.kind)

    def isatty(self):
        return self.is_terminal


@pytest.fixture
def screen(monkeypatch):
    for name in ("NO_COLOR", "TERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)

    def look(encoding="utf-8", is_terminal=True, color=True, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "stdout", Screen(encoding, is_terminal))
        return terminal(color=color)

    return look


def test_colour_is_for_terminals_without_no_color(screen):
    assert screen().color
    assert not screen(is_terminal=False).color
    assert not screen(color=False).color
    assert not screen(NO_COLOR="1").color


def test_a_stream_that_encodes_only_ascii_gets_ascii(screen):
    assert screen().unicode
    assert not screen(encoding="ascii").unicode
    assert not screen(encoding="latin-1").unicode


def test_a_narrow_terminal_gets_narrow_lines_and_a_wide_one_80(screen):
    assert screen(COLUMNS="60").width == 60
    assert screen(COLUMNS="200").width == 80
    assert screen(is_terminal=False, COLUMNS="60").width == 80
