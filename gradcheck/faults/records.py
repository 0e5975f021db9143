"""A row of the zoo: a layer, where to check it, and the answer that mathematics gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from gradcheck.verdict import Verdict

Draw = Callable[[np.random.Generator], dict[str, Any]]
Make = Callable[[], Any]

# What a tricky layer may get where the truth can be beyond measuring: saying so is honest, an accusation is not.
HONEST = (Verdict.AGREES, Verdict.INCONCLUSIVE)


class Pair(NamedTuple):
    """A layer as a user writes one in two functions: `forward(*inputs)` and `backward(grad_output, *inputs)`."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]


class Shows(StrEnum):
    """Where a fault can be seen.

    HERE: the gradient is wrong at the caller's point. ELSEWHERE: only at other values or another batch size.
    CALL: only for another kind of call (a strided cotangent, a second call, another order of calls). MANNERS: the
    gradient is right and backward misbehaves otherwise, so that a warning is as good an answer as DISAGREES.
    """

    HERE = "here"
    ELSEWHERE = "elsewhere"
    CALL = "call"
    MANNERS = "manners"


@dataclass(frozen=True)
class Fault:
    """A layer whose backward is wrong on purpose.

    `name` is a path whose first part is the group; `code` the class of the mistake, from `gradcheck.faults.codes`;
    `wrong_arguments` the inputs whose gradients are wrong (of the others none may be accused); `also` are further
    classes that say the same of this very mistake, so that a diagnosis may name one of them instead.
    """

    name: str
    code: str
    wrong_arguments: tuple[str, ...]
    make: Make
    inputs: Draw
    sentence: str
    shows: Shows = Shows.HERE
    also: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """The first part of the name."""
        return self.name.partition("/")[0]


@dataclass(frozen=True)
class Tricky:
    """A layer that is right where the question is hard; `accepted` are the verdicts that are no false alarm."""

    name: str
    make: Make
    inputs: Draw
    why: str
    accepted: tuple[Verdict, ...] = (Verdict.AGREES,)

    @property
    def group(self) -> str:
        """The first part of the name."""
        return self.name.partition("/")[0]


def pair(forward: Callable[..., Any], backward: Callable[..., Any]) -> Make:
    """Return a maker of a layer that keeps no state."""
    return lambda: Pair(forward, backward)


def spoiled(right: Any, change: Callable[[Any], Any], at: int = 0) -> Make:
    """Return a maker of the layer `right` with `change` done to its gradient number `at`."""

    def backward(grad_output: Any, *inputs: Any) -> Any:
        gradients = right.backward(grad_output, *inputs)
        if not isinstance(gradients, tuple):
            return change(gradients)
        return (*gradients[:at], change(gradients[at]), *gradients[at + 1 :])

    return pair(right.forward, backward)


def fixed(**values: Any) -> Draw:
    """Return a draw of these very values; lists become arrays of float64."""

    def draw(rng: np.random.Generator) -> dict[str, Any]:  # noqa: ARG001 - every draw gets a generator
        return {name: np.array(v, float) if isinstance(v, list) else _copied(v) for name, v in values.items()}

    return draw


def normal(scale: float = 1.0, offset: float = 0.0, dtype: Any = float, **shapes: tuple[int, ...]) -> Draw:
    """Return a draw of normal values of these shapes."""

    def draw(rng: np.random.Generator) -> dict[str, Any]:
        return {name: (offset + scale * rng.standard_normal(s)).astype(dtype) for name, s in shapes.items()}

    return draw


def uniform(low: float, high: float, dtype: Any = float, **shapes: tuple[int, ...]) -> Draw:
    """Return a draw of values between `low` and `high` of these shapes."""

    def draw(rng: np.random.Generator) -> dict[str, Any]:
        return {name: rng.uniform(low, high, shape).astype(dtype) for name, shape in shapes.items()}

    return draw


def joined(*draws: Draw) -> Draw:
    """Return a draw of all inputs of these draws, in their order."""

    def draw(rng: np.random.Generator) -> dict[str, Any]:
        return {name: value for each in draws for name, value in each(rng).items()}

    return draw


def drawn(**makers: Callable[[np.random.Generator], Any]) -> Draw:
    """Return a draw in which each input has a function of the generator of its own."""
    return lambda rng: {name: maker(rng) for name, maker in makers.items()}


def point_of(case: Fault | Tricky, seed: int = 0) -> Mapping[str, Any]:
    """Return the inputs of a case; they depend on its name and on `seed`, never on the cases before it."""
    return case.inputs(np.random.default_rng([seed, *case.name.encode()]))


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value
