"""`gradcheck check`: the main job, on layers in files and modules."""

from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gradcheck.cli.dry_running import dry_run as told
from gradcheck.cli.exits import exit_code
from gradcheck.cli.jobs import announced, jobs_of, overrides, project
from gradcheck.cli.running import Running, running_options
from gradcheck.cli.showing import Faces, run_and_show
from gradcheck.cli.values import read_size
from gradcheck.oracle.like.names import KIND_NAMES
from gradcheck.runner.config import configured
from gradcheck.runner.inputs import DTYPES
from gradcheck.runner.sweeps import MOST
from gradcheck.runner.task import TIMEOUT

_HELP = """Check the backward pass of each TARGET.

A target is a class or object with forward and backward, or two functions:
path.py:Name, package.module:name, path.py:forward_name,backward_name, or, of
two files, a.py:forward_name,b.py:backward_name.
Without any, the targets of [tool.gradcheck] in pyproject.toml are checked, each
with the settings it has there; options given here win over them. Checking a file runs it, in a process of its own.

\b
Inputs, one --input NAME=SPEC for each argument of forward:
  x=2,3,8,8          this shape, normals drawn from the seed; x=() is 0-d
  x=4:uniform:0..1   this shape, uniform between the two
  x=2,3+2,4          a list of two arrays
  y=4:int:0..9       integer labels from 0 to 9, handed on as constants
  x=@file.npy        what the file holds
  x=[[1,2],[3,4]]    this value; y=[0,1]:int for integer constants
  x=NCHW             letters, each with its sizes: --dim N=1..2 --dim H=4,7

\b
Examples:
  gradcheck check layers.py:Conv --input x=2,3,6,7 --input w=4,3,3,2
  gradcheck check layers.py:conv,back --input x=2,3,8,8 --input w=4,3,3,3
  gradcheck check pools.py:Max --input x=2,3,8,8 --arg size=2 --arg size=3
  gradcheck check pools.py:Max --input x=1,2,H,W --dim H=4..6 --dim W=4..6
  gradcheck check pools.py:Max --like max_pool2d
  gradcheck check --only Conv --effort thorough"""


# The options that are not about a check itself: how its results are shown, and how many run where.
BESIDE = (
    "as_json",
    "junit",
    "html",
    "verbose",
    "quiet",
    "no_color",
    "jobs",
    "scheduler",
    "journal",
    "resume",
    "only",
    "dry_run",
    "annotate",
)

FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command("check", help=_HELP, context_settings={"max_content_width": 80})
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option(
    "--only", multiple=True, metavar="TEXT", help="Of the targets in pyproject.toml, those with TEXT in the name."
)
@click.option("--input", "inputs", multiple=True, metavar="NAME=SPEC", help="An argument of forward; see above.")
@click.option(
    "--arg",
    "args",
    multiple=True,
    metavar="NAME=VALUE",
    help="A hyperparameter: a Python literal (stride=1,2 is a tuple) or else a text. Goes to the constructor or to the "
    "call, whichever takes the name; init.NAME or call.NAME where both do. Repeat to sweep, or give a range, 1..3.",
)
@click.option(
    "--dim",
    "dims",
    multiple=True,
    metavar="LETTER=SIZES",
    help="The sizes of a letter in the shapes of inputs: 4..7, 1,3,5 or 3; every combination is checked.",
)
@click.option(
    "--max-configs",
    type=click.IntRange(min=1),
    default=MOST,
    show_default=True,
    help="Configurations that a target is checked at; of more, so many are drawn from the seed.",
)
@click.option(
    "--like",
    type=click.Choice(KIND_NAMES),
    metavar="KIND",
    default=None,
    help="Sweep the target over what reveals bugs of this kind of layer, and hold its outputs and gradients to those "
    "of our own; inputs are found by name, --input x=NHWC tells their axes. KIND is one of "
    f"{', '.join(KIND_NAMES)}.",
)
@click.option("--no-like-error", is_flag=True, help="Let a layer compute something else than it is held to.")
@click.option(
    "--dry-run", is_flag=True, help="Say how each target is read and what would be tried; the target is imported."
)
@click.option("--wrt", multiple=True, metavar="NAME", help="Check the gradient of this argument only; may be repeated.")
@click.option(
    "--grad",
    "grads",
    multiple=True,
    metavar="NAME=ATTRIBUTE",
    help="Where a class keeps the gradient of a parameter, if that cannot be told.",
)
@click.option(
    "--wrap",
    default="",
    metavar="NAME",
    help="For functions of a tape of your own: the class in the target's file whose objects record. Or the framework "
    "that a function is written for, where that cannot be told: torch, jax, autograd, tinygrad.",
)
@click.option(
    "--grad-attr", default="grad", metavar="NAME", show_default=True, help="Where such an object has its gradient."
)
@click.option(
    "--pass",
    "passing",
    multiple=True,
    metavar="NAME=WHAT",
    help="What backward's argument NAME gets, if its name does not tell: grad, output, cache, rate, optimizer, shape, "
    "an input or an attribute. output=ATTRIBUTE says where forward leaves its output, returned=x,W,b whose "
    "gradients backward returns.",
)
@click.option(
    "--scale",
    type=click.Choice(["mean"]),
    default=None,
    help="mean: the gradients of all parameters are divided by the batch size by design, which is taken back.",
)
@click.option(
    "--points",
    multiple=True,
    metavar="POINT",
    help="A point to check at instead of derived ones: 'x=2,3; w=3,4', or a JSON file with a list of such, "
    "or none; may be repeated.",
)
@click.option("--error", "errors", multiple=True, metavar="CODE", help="Count findings of this code as errors.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of everything drawn.")
@click.option(
    "--effort",
    type=click.Choice(["quick", "normal", "thorough"]),
    default="normal",
    show_default=True,
    help="How hard to look.",
)
@click.option("--dtype", type=click.Choice(DTYPES), default=None, help="Type of the inputs.  [default: float64]")
@click.option("--allow-inconclusive", is_flag=True, help="Let an inconclusive check pass.")
@click.option("--strict", is_flag=True, help="Let nothing pass: an agreement that says nothing exits with 3.")
@click.option(
    "--prove-it", "prove", is_flag=True, help="Damage the gradient on purpose and show that this check sees it."
)
@click.option(
    "--timeout", type=click.FloatRange(min=0.1), default=TIMEOUT, show_default=True, help="Seconds a target may take."
)
@click.option(
    "--memory",
    type=read_size,
    metavar="SIZE",
    default=None,
    help="Memory a target and its children may use, for instance 2G; looked at often, not enforced by the system.  "
    "[default: most of what is free]",
)
@click.option("--stub", "stubs", multiple=True, metavar="MODULE", help="Stand in for this module if it is missing.")
@click.option("--old-numpy", is_flag=True, help="Give NumPy the names back that it has removed since 1.24 (np.float).")
@running_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
@click.option("--junit", type=FILE, metavar="FILE", help="Write a JUnit report too.")
@click.option("--html", type=FILE, metavar="FILE", help="Write a self-contained HTML report too.")
@click.option("--annotate", is_flag=True, help="Print annotations of a GitHub workflow too (`::error file=...`).")
@click.option("-v", "--verbose", is_flag=True, help="Show what the layer printed.")
@click.option("-q", "--quiet", is_flag=True, help="Print one line a target.")
@click.option("--no-color", is_flag=True, help="No colours, even on a terminal.")
def command(
    as_json: bool, junit: Path | None, html: Path | None, running: Running, dry_run: bool, **options: Any
) -> int:
    """Check the targets and return the exit code."""
    faces = Faces(
        as_json=as_json,
        junit=junit,
        html=html,
        verbose=options.pop("verbose"),
        annotate=options.pop("annotate"),
        quiet=options.pop("quiet"),
        color=not options.pop("no_color"),
    )
    only, strict = options.pop("only"), options["strict"]
    if options["targets"]:
        if only:
            raise click.UsageError("--only chooses among the targets of pyproject.toml; it can't go with a TARGET.")
        jobs = jobs_of(**options)
        return told(jobs, running) if dry_run else exit_code(run_and_show(jobs, faces, running), strict=strict)
    config = project()
    faces = replace(faces, junit=junit and junit.absolute(), html=html and html.absolute())
    with chdir(config.folder):
        jobs = announced(configured(config, only=only, overrides=overrides(options)))
        if dry_run:
            return told(jobs, running)
        return exit_code(run_and_show(jobs, faces, running, config.waivers), strict=strict)
