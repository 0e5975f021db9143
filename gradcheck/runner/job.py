"""One job: a target and everything a check of it needs, as plain data that survives JSON."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from gradcheck.report import plain
from gradcheck.runner.task import TIMEOUT

NO_POINTS = "none"


@dataclass(frozen=True)
class Job:
    """What one child process is asked to do.

    Parameters
    ----------
    target : str
        Where the layer is, as the user wrote it (`runner/targets.py`).
    inputs : mapping of str to str
        Input specifications by name (`runner/inputs.py`).
    args : mapping of str to str
        Hyperparameters by name, unparsed (`runner/arguments.py`).
    grads : mapping of str to str
        Attribute that holds a parameter's gradient, where the adapter cannot tell.
    wrap, grad_attr : str
        For a tape of one's own, what makes a node and where it has its gradient; or the name of a framework.
    passing : mapping of str to str
        What an argument of backward gets, where its name does not tell (`adapters/roles.py`).
    scale : str
        "mean" where gradients are divided by the batch size by design.
    wrt : tuple of str
        The arguments under test; empty for all floating ones.
    points : tuple of mapping, or None
        Points to check at instead of derived ones: input specifications by name; the rest stays as in `inputs`.
    errors : tuple of str
        Codes of findings that shall count as errors.
    seed, effort, dtype, strict, prove
        As in `gradcheck.check`; `dtype` is that of the drawn inputs.
    timeout : float
        Seconds over import, check and explanation.
    memory : int or None
        Resident bytes of the child and its children; None for most of what the machine has free.
    like : str
        The kind of layer that it is swept like and held to (`oracle/like`); empty for none. `inputs` tells axes then.
    no_like_error : bool
        Whether a layer may compute something else than it is held to.
    stubs : tuple of str
        Modules that are stubbed where they are missing.
    old_numpy : bool
        Whether NumPy is given back the names it has removed.
    allow_inconclusive : bool
        Whether an inconclusive check is as expected.
    swept : bool
        Whether it is one of several configurations, so that one that the layer refuses is no failure.
    """

    target: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)
    grads: Mapping[str, str] = field(default_factory=dict)
    wrap: str = ""
    grad_attr: str = "grad"
    passing: Mapping[str, str] = field(default_factory=dict)
    scale: str = ""
    wrt: tuple[str, ...] = ()
    points: tuple[Mapping[str, str], ...] | None = None
    errors: tuple[str, ...] = ()
    seed: int = 0
    effort: str = "normal"
    dtype: str = ""
    strict: bool = False
    prove: bool = False
    timeout: float = TIMEOUT
    memory: int | None = None
    like: str = ""
    no_like_error: bool = False
    stubs: tuple[str, ...] = ()
    old_numpy: bool = False
    allow_inconclusive: bool = False
    swept: bool = False

    def to_json(self) -> str:
        """Write the job as one line of JSON."""
        return json.dumps(plain.dump(self))

    @classmethod
    def from_json(cls, text: str) -> "Job":
        """Read what `to_json` wrote."""
        job: Job = plain.load(cls, json.loads(text))
        return job


# How a field is written on the command line; a mapping or tuple repeats its option.
_OPTIONS: Mapping[str, str] = {
    "inputs": "--input", "args": "--arg", "grads": "--grad", "passing": "--pass", "scale": "--scale", "wrap": "--wrap",
    "grad_attr": "--grad-attr", "wrt": "--wrt", "points": "--points", "errors": "--error",
    "seed": "--seed", "effort": "--effort", "dtype": "--dtype", "strict": "--strict", "prove": "--prove-it",
    "timeout": "--timeout", "memory": "--memory", "like": "--like", "no_like_error": "--no-like-error",
    "stubs": "--stub", "old_numpy": "--old-numpy", "allow_inconclusive": "--allow-inconclusive",
}  # fmt: skip


def command(job: Job) -> str:
    """Return the command line that runs this very job again; only the seed is written even where it is the default."""
    words = ["gradcheck", "check", job.target]
    for one in fields(Job):
        value = getattr(job, one.name)
        if one.name in _OPTIONS and (value != _default(one.name) or one.name == "seed"):
            words += _words(_OPTIONS[one.name], value)
    return shlex.join(words)


def label(job: Job, swept: frozenset[str] = frozenset()) -> str:
    """Name the job in a report: its target, with the configuration where that is one of several."""
    settings = [f"{name}={value}" for name, value in (*job.inputs.items(), *job.args.items()) if name in swept]
    return f"{job.target} ({', '.join(settings)})" if settings else job.target


def point_text(point: Mapping[str, str]) -> str:
    """Write a point as the option takes it: `x=2,3; y=4`."""
    return "; ".join(f"{name}={spec}" for name, spec in point.items()) or NO_POINTS


def _default(name: str) -> Any:
    return getattr(Job(""), name)


def _words(option: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [option]
    if isinstance(value, Mapping):
        return [word for name, text in value.items() for word in (option, f"{name}={text}")]
    if isinstance(value, tuple):
        return [word for one in value or ({},) for word in (option, one if isinstance(one, str) else point_text(one))]
    return [option, f"{value:g}" if isinstance(value, float) else str(value)]
