"""The conditions under which a failing claim may hold: a vocabulary from which the machine chooses.

A condition is chosen only if the claim holds whenever it does, and fails (for some values of all other operands)
whenever it does not.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gradcheck.article.cases import Array, Case


@dataclass(frozen=True)
class Condition:
    """A property of one operand, or of the shapes where `operand` is None.

    `impose` makes a case fulfil it; shapes are cut down to it.
    """

    sentence: str
    operand: str | None
    holds: Callable[[Case], bool]
    impose: Callable[[Case], Case]


def _turned(array: Array) -> Array:
    return np.flip(array, (-2, -1))


def _point_symmetric(name: str) -> tuple[Callable[[Case], bool], Callable[[Case], Case]]:
    def holds(case: Case) -> bool:
        array = getattr(case, name)
        return bool(np.array_equal(array, _turned(array)))

    def impose(case: Case) -> Case:
        array = getattr(case, name)
        return replace(case, **{name: array + _turned(array)})

    return holds, impose


def _only(case: Case, name: str, at: tuple[int, int]) -> Case:
    """Keep one entry (in every channel), and make all others zero."""
    array = getattr(case, name)
    kept = np.zeros_like(array)
    kept[..., at[0], at[1]] = array[..., at[0], at[1]]
    return replace(case, **{name: kept})


def _is_only(array: NDArray[np.int64], at: tuple[int, int]) -> bool:
    rest = array.copy()
    rest[..., at[0], at[1]] = 0
    return not rest.any()


def cut(case: Case, kernel: tuple[int, int], output: tuple[int, int]) -> Case:
    """Return the case with a kernel and an output of these sizes, no larger than its own."""
    (k1, k2), (rows, columns) = kernel, output
    return Case(
        image=case.image[:, : rows + k1 - 1, : columns + k2 - 1],
        kernel=case.kernel[:, :k1, :k2],
        delta=case.delta[:rows, :columns],
        bias=case.bias[:rows, :columns],
        curvature=case.curvature[:rows, :columns],
        activation=case.activation,
    )


def _winners(case: Case) -> int:
    block = case.image[0]
    return int((block == block.max()).sum())


def _one_winner(case: Case) -> Case:
    image = case.image.copy()
    image.flat[image.argmax()] += 1
    return replace(case, image=image)


def _two_predictions(case: Case) -> Case:
    column = np.resize(case.delta, (2, 1)), np.resize(case.bias, (2, 1)) + 1
    image = np.resize(case.image, (1, case.kernel.shape[1] + 1, case.kernel.shape[2]))
    return replace(case, image=image, delta=column[0], bias=column[1], curvature=column[0])


CONDITIONS = (
    Condition("w is its own rotation by 180°", "kernel", *_point_symmetric("kernel")),
    Condition("delta is its own rotation by 180°", "delta", *_point_symmetric("delta")),
    Condition("o is its own rotation by 180°", "image", *_point_symmetric("image")),
    Condition(
        "b = 0",
        "bias",
        lambda case: not case.bias.any(),
        lambda case: replace(case, bias=np.zeros_like(case.bias)),
    ),
    Condition(
        "b is the same for all pixels",
        "bias",
        lambda case: bool((case.bias == case.bias[0, 0]).all()),
        lambda case: replace(case, bias=np.full_like(case.bias, case.bias[0, 0])),
    ),
    Condition(
        "w is zero but for w(0, 0)",
        "kernel",
        lambda case: _is_only(case.kernel, (0, 0)),
        lambda case: _only(case, "kernel", (0, 0)),
    ),
    Condition(
        "k1 = k2 = 1",
        None,
        lambda case: case.kernel_size == (1, 1),
        lambda case: cut(case, (1, 1), case.output_size),
    ),
    Condition(
        "the kernel is as large as the map: H = k1, W = k2",
        None,
        lambda case: case.output_size == (1, 1),
        lambda case: cut(case, case.kernel_size, (1, 1)),
    ),
    Condition(
        "k1 = k2 = 1 and H = W = 1",
        None,
        lambda case: case.map_size == (1, 1),
        lambda case: cut(case, (1, 1), (1, 1)),
    ),
    Condition("one unit alone is the largest", "image", lambda case: _winners(case) == 1, _one_winner),
    Condition("P = 2 predictions", None, lambda case: case.delta.size == 2, _two_predictions),
)
