"""The mistakes behind the flags, as wrong implementations: each says which results it changes, and to what."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.oracle.case import Array, Case, GoldenVector
from gradcheck.oracle.operations import layer_of
from gradcheck.oracle.ties import distance_to_valid

Results = Mapping[str, Array]


@dataclass(frozen=True)
class Scene:
    """A case as an author of a wrong layer meets it: our right layer, and the numbers in float64."""

    case: Case
    layer: Any
    vector: GoldenVector

    @property
    def error(self) -> Any:
        """The errors that come from above, grad_output."""
        return self.vector.grad_output

    @property
    def inputs(self) -> list[Any]:
        """The inputs in their order."""
        return list(self.vector.inputs.values())

    def results(self, layer: Any, *inputs: Array, grad_output: Array | None = None) -> Results:
        """Return the output and the gradients that a layer gives, by the names that `changed_results` uses."""
        error = self.error if grad_output is None else grad_output
        gradients = layer.backward(error, *inputs)
        gradients = gradients if isinstance(gradients, tuple) else (gradients,)
        return {"output": layer.forward(*inputs), **dict(zip(self.case.arguments, gradients, strict=True))}


Mistake = Callable[[Scene], Results]


@dataclass(frozen=True)
class Entry:
    """A row of the table: the flag, the operations that can have the mistake, and the mistake itself.

    A mistake returns the results that it changes: "output", or the name of an input for its gradient. It may raise,
    or return arrays of another shape: an implementation that crashes, or whose gradient has a wrong shape, fails.
    """

    flag: str
    operations: tuple[str, ...]
    mistake: Mistake


def flags_of(case: Case, table: Iterable[Entry]) -> tuple[str, ...]:
    """Return the flags of the mistakes that change the numbers of a case, sorted."""
    return tuple(sorted({e.flag for e in table if case.operation in e.operations and is_exposed(e.mistake, case)}))


def is_exposed(mistake: Mistake, case: Case) -> bool:
    """Tell whether a wrong implementation fails a case."""
    vector = case.vector("float64")
    try:
        with np.errstate(all="ignore"):
            results = mistake(Scene(case, layer_of(case), vector))
    except (GradcheckError, ValueError, IndexError):
        return True  # a shape that does not fit
    return any(_is_wrong(name, np.asarray(result), case, vector) for name, result in results.items())


def _is_wrong(name: str, result: Array, case: Case, vector: GoldenVector) -> bool:
    expected = vector.output if name == "output" else vector.gradients[name]
    if result.shape != expected.shape:
        return True
    if name == "output" or case.result == "exact":
        return not np.array_equal(result, expected)
    if name in vector.lowest:
        return not bool(np.all((vector.lowest[name] <= result) & (result <= vector.highest[name])))
    return abs(result.sum() - vector.grad_output.sum()) > WHOLE or distance_of(case, vector, result) > WHOLE


# Errors are integers, and wrong shares of them fractions by a number of winners that is far below the reciprocal of
# this, to which the linear program is solved.
WHOLE = 1e-6


def distance_of(case: Case, vector: GoldenVector, gradient: Array) -> float:
    """Return how far a gradient of a maximum is from the nearest valid one, as a sum of |entries|."""
    winners, error = case.tensors["winners"], vector.grad_output
    lead = error.shape[:2]
    flat = winners.reshape(*lead, -1, winners.shape[-1])
    return distance_to_valid(flat, error.reshape(*lead, -1), gradient.reshape(*lead, -1))
