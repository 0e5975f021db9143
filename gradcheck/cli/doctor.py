"""`gradcheck doctor`: what runs here, as a block for a bug report."""

import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import click

_HELP = """Say what runs here: versions, BLAS and its threads, extras.

Prints a block to paste into a bug report; it holds no path of yours.

\b
Example:
  gradcheck doctor"""

_REQUIRED = ("numpy", "scipy", "hypothesis", "click", "psutil")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@click.command("doctor", help=_HELP)
def command() -> int:
    """Print the block; the code is 2 where something that is needed is missing."""
    rows = list(_rows())
    click.echo("```")
    for name, told in rows:
        click.echo(f"{name:<12} {told}")
    click.echo("```")
    return 2 if any("missing" in told for name, told in rows if name in _REQUIRED) else 0


def _rows() -> Iterator[tuple[str, str]]:
    yield "gradcheck", _version("gradcheck")
    yield "python", f"{platform.python_version()} ({platform.python_implementation()})"
    yield "system", f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores"
    for name in _REQUIRED:
        yield name, _version(name)
    yield "blas", _blas()
    yield "threads", ", ".join(f"{name}={os.environ[name]}" for name in _THREADS if name in os.environ) or "not limited"
    yield "precision", _precision()
    for extra, packages in _extras().items():
        told = [f"{name} {_version(name)}" for name in packages]
        yield f"[{extra}]", ", ".join(told)
    yield "terminal", f"{sys.stdout.encoding}, {'a terminal' if sys.stdout.isatty() else 'no terminal'}"
    yield "clash", "gradcheck.py in this folder: rename it" if Path("gradcheck.py").exists() else "none"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _blas() -> str:
    """Return what NumPy was built with; it tells its libraries, but not their threads."""
    import numpy as np

    try:
        built: dict[str, Any] = np.show_config(mode="dicts")  # type: ignore[assignment]  # a dict in this mode
        blas = built["Build Dependencies"]["blas"]
    except (KeyError, TypeError):
        return "unknown"
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()


def _precision() -> str:
    """Say how wide a long double is here: on some machines no wider than a double."""
    import numpy as np

    return f"longdouble has {np.finfo(np.longdouble).nmant + 1} bits"


def _extras() -> dict[str, list[str]]:
    """Return the packages of each extra that users may want, as the installed metadata names them."""
    extras: dict[str, list[str]] = {}
    for requirement in requires("gradcheck") or []:
        name, _, marker = requirement.partition(";")
        if "extra ==" in marker:
            extra = marker.rpartition("==")[2].strip().strip("'\"")
            package = name.strip().split("[")[0].split(">")[0].split("=")[0].split("<")[0].strip()
            if extra not in ("dev", "docs", "examples") and package != "gradcheck":
                extras.setdefault(extra, []).append(package)
    return extras
