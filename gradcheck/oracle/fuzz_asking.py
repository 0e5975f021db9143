"""What `gradcheck fuzz` asks of a child, as a task; loads nothing but the standard library."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gradcheck.errors import InvalidInput
from gradcheck.report import plain
from gradcheck.runner.checking import task_of
from gradcheck.runner.job import Job, command
from gradcheck.runner.sweeps import letters_in, read_dims, values_of
from gradcheck.runner.task import Task

SIZES = (1, 2, 3, 4)  # of a letter, unless the caller says otherwise

Pairs = Sequence[tuple[str, str]]


def task_of_fuzz(
    target: str,
    *,
    inputs: Pairs,
    dims: Pairs,
    args: Pairs,
    max_examples: int,
    known: Callable[[str], Sequence[Mapping[str, Any]]],
    settings: Mapping[str, Any],
) -> Task:
    """Return the task of one target.

    Parameters
    ----------
    known : callable
        Gives the cases that failed before, by the name under which they are remembered.
    settings : mapping
        Further fields of the job.

    Raises
    ------
    InvalidInput
        There is nothing to draw, or a size cannot be read.
    """
    sizes = read_dims(dims)
    letters = dict.fromkeys(letter for _, spec in inputs for letter in letters_in(spec))
    _check(letters, sizes, like=bool(settings.get("like")), inputs=inputs)
    axes: dict[str, tuple[str, ...]] = {}
    if not settings.get("like"):
        axes = {letter: tuple(map(str, sizes.get(letter, SIZES))) for letter in letters}
    values: dict[str, list[str]] = {}
    for name, text in args:
        values.setdefault(name, []).extend(values_of(text))
    swept = {name: tuple(dict.fromkeys(texts)) for name, texts in values.items()}
    job = Job(
        target, dict(inputs), {n: v[0] for n, v in swept.items() if settings.get("like")}, effort="quick", **settings
    )
    axes |= {} if settings.get("like") else swept
    name = f"{target} {settings.get('like') or ' '.join([*(f'{n}={s}' for n, s in inputs), *swept])}"
    spec = {
        "job": plain.dump(job),
        "axes": axes,
        "letters": tuple(letters) if not settings.get("like") else (),
        "max_examples": max_examples,
        "known": known(name),
        "replay": _replay(job, dims, args, max_examples),
        "remembered": name,
    }
    checked = task_of(Job(target, timeout=job.timeout, memory=job.memory))
    return Task("fuzz", spec, label=target, reads=checked.reads, timeout=job.timeout, memory=job.memory)


def _check(letters: Mapping[str, Any], sizes: Mapping[str, Any], *, like: bool, inputs: Pairs) -> None:
    if like:
        return
    if not inputs:
        raise InvalidInput(
            "there must be something to draw: give inputs by shapes in letters, for instance --input x=NCHW, "
            "or the kind of layer, for instance --like conv2d."
        )
    for letter in sizes:
        if letter not in letters:
            raise InvalidInput(
                f"--dim must name a letter of an input's shape; none has {letter}. "
                f"Give for instance --input x=N{letter}"
            )


def _replay(job: Job, dims: Pairs, args: Pairs, max_examples: int) -> str:
    """Return the command line that does it again."""
    plain_job = Job(**{**vars(job), "args": {}, "effort": "normal"})
    words = shlex.split(command(plain_job))
    words[1] = "fuzz"
    more = [
        word for option, pairs in (("--dim", dims), ("--arg", args)) for n, v in pairs for word in (option, f"{n}={v}")
    ]
    return shlex.join([*words, *more, "--max-examples", str(max_examples)])
