"""The record of one golden vector: what goes in, what must come out, and which mistakes it exposes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradcheck.errors import InvalidInput

Array = NDArray[Any]
ResultClass = Literal["exact", "rounded", "several"]
Named = Mapping[str, Array]

RESULT_CLASSES: tuple[ResultClass, ...] = ("exact", "rounded", "several")
DTYPES = ("float16", "float32", "float64")


@dataclass(frozen=True)
class GoldenVector:
    """A case in one dtype: the numbers to hand to an implementation, and those to hold its answers to.

    Parameters
    ----------
    inputs : mapping of str to array
        The arguments in their order. Those without a gradient (labels) keep their integer dtype.
    grad_output, output : array
        The cotangent and the result, of one shape.
    gradients : mapping of str to array
        The gradient of each differentiated input; where several are valid, one of them (the first winner of a tie,
        our layer's choice at a kink).
    split : mapping of str to array
        Where maxima tie: the gradients that share every error evenly among its winners, valid as well.
    lowest, highest : mapping of str to array
        At kinks: the ends of the valid gradients, entry by entry; equal wherever one gradient alone is valid.
    """

    inputs: Named
    grad_output: Array
    output: Array
    gradients: Named
    split: Named = field(default_factory=dict)
    lowest: Named = field(default_factory=dict)
    highest: Named = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One case of the suite, in all dtypes that it exists in.

    Parameters
    ----------
    name : str
        Unique in the suite, e.g. "conv2d/stride-nondividing".
    operation : str
        What to compute, e.g. "conv"; the list is in docs/vectors.md.
    hyperparameters : mapping
        Plain JSON data: numbers, strings, booleans, null, and lists of them.
    result : {"exact", "rounded", "several"}
        "exact": small integers, every order of summation gives these numbers; "rounded": each number is the real one
        rounded once to its dtype; "several": as exact, but more than one gradient is valid (ties, kinks).
    flags : tuple of str
        The mistakes that change this case's numbers, sorted; see `gradcheck.oracle.flags`.
    dtypes : tuple of str
        The dtypes in which an implementation can be held to it.
    arguments : tuple of str
        The names of the inputs in their order.
    tensors : mapping of str to array
        Everything stored, by role: "inputs/<name>", "grad_output", "output", "gradients/<name>", "split/<name>",
        "lowest/<name>", "highest/<name>", "winners". Outputs and gradients of rounded cases are stored once a dtype,
        as "output/float32". Exact numbers are stored once, in the smallest integer type that holds them.
    """

    name: str
    operation: str
    hyperparameters: Mapping[str, Any]
    result: ResultClass
    flags: tuple[str, ...]
    dtypes: tuple[str, ...]
    arguments: tuple[str, ...]
    tensors: Named = field(repr=False)

    @property
    def differentiated(self) -> tuple[str, ...]:
        """The inputs that have a gradient, in order; the others are constants."""
        found = {role.split("/")[1] for role in self.tensors if role.startswith("gradients/")}
        return tuple(name for name in self.arguments if name in found)

    @property
    def winners(self) -> Array | None:
        """For maxima: (*output.shape, most) integers, the winners of each window, or None.

        A winner is the place, in C order, of an entry among the positions of its sample and channel; -1 fills up.
        """
        return self.tensors.get("winners")

    def vector(self, dtype: str) -> GoldenVector:
        """Return the numbers in `dtype`, as new arrays; raise InvalidInput for a dtype that it does not exist in."""
        if dtype not in self.dtypes:
            raise InvalidInput(
                f"`dtype` must be one that the case {self.name} exists in, {', '.join(self.dtypes)}; it is {dtype!r}."
            )
        return GoldenVector(
            inputs={name: self._input(name, dtype) for name in self.arguments},
            grad_output=self.tensors["grad_output"].astype(dtype),
            output=self._result("output", dtype),
            gradients={name: self._result(f"gradients/{name}", dtype) for name in self.differentiated},
            **{kind: self._alternatives(kind, dtype) for kind in ("split", "lowest", "highest")},
        )

    def _input(self, name: str, dtype: str) -> Array:
        stored = self.tensors[f"inputs/{name}"]
        return stored.astype(dtype) if name in self.differentiated else stored.copy()

    def _result(self, role: str, dtype: str) -> Array:
        stored = self.tensors[f"{role}/{dtype}" if self.result == "rounded" else role]
        return stored.astype(dtype)

    def _alternatives(self, kind: str, dtype: str) -> Named:
        roles = {name: f"{kind}/{name}" for name in self.differentiated}
        return {name: self._result(role, dtype) for name, role in roles.items() if role in self.tensors}


def named_tensors(case: Case) -> Iterator[tuple[str, Array]]:
    """Yield (name within the suite, tensor): the case's name, a slash, the role."""
    yield from ((f"{case.name}/{role}", tensor) for role, tensor in case.tensors.items())


def smallest_integers(values: Array) -> Array:
    """Return whole numbers in the smallest signed integer type that holds them all; raise InvalidInput for others.

    >>> smallest_integers(np.array([1.0, -200.0])).dtype
    dtype('int16')
    """
    values = np.asarray(values)
    whole = values.astype(np.int64)
    if not np.array_equal(whole, values):
        raise InvalidInput(f"exact numbers must be whole; among them is {values[whole != values].flat[0]!r}.")
    for dtype in (np.int8, np.int16, np.int32):
        bounds = np.iinfo(dtype)
        if not whole.size or (whole.min() >= bounds.min and whole.max() <= bounds.max):
            return whole.astype(dtype)
    return whole
