"""What a convolution accepts: floating arrays whose shapes fit together, brought to one dtype to compute in."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.errors import InvalidInput
from gradcheck.layers.operands import operand

Array = NDArray[Any]


def promoted(**arrays: Any) -> tuple[Array, ...]:
    """Return the arrays as operands of their common dtype (float32 for float16); None is left out.

    Different dtypes are promoted as NumPy does, so that a complex or wider step can be made in one argument alone.
    """
    operands = [operand(name, array) for name, array in arrays.items() if array is not None]
    dtype = np.result_type(*operands)
    return tuple(array.astype(dtype, copy=False) for array in operands)


def check_shapes(
    input: tuple[int, ...],
    weight: tuple[int, ...],
    bias: tuple[int, ...] | None,
    *,
    groups: int,
    transposed: bool = False,
) -> None:
    """Refuse shapes whose ranks, channels or groups do not fit; a `transposed` weight is (C, K/groups, *kernel).

    Raises
    ------
    InvalidInput
        Says which shape must hold what.
    """
    ndim = len(input) - 2
    layout = "(C, K/groups, *kernel)" if transposed else "(K, C/groups, *kernel)"
    if ndim not in (1, 2, 3):
        raise InvalidInput(
            f"`input` must have the shape (N, C, *spatial) with 1, 2 or 3 spatial axes; its shape is {input}. "
            "Add the missing axes, e.g. input[np.newaxis] for a single image."
        )
    if len(weight) != len(input) or 0 in weight:
        raise InvalidInput(
            f"`weight` must have the shape {layout} with {ndim} kernel axes and no axis empty, for an `input` of shape "
            f"{input}; its shape is {weight}. Pass a weight with {ndim + 2} axes."
        )
    if weight[0] % groups:
        raise InvalidInput(
            f"`groups` must divide the first axis of `weight`, {layout}; groups is {groups} and the shape is {weight}. "
            f"Pass another `groups`, or a weight whose first axis is a multiple of {groups}."
        )
    channels = weight[0] if transposed else weight[1] * groups
    if input[1] != channels:
        raise InvalidInput(
            f"`input` must have {channels} channels for a `weight` of shape {weight}, {layout}, and groups={groups}; "
            f"its shape is {input}. Change the weight's channels or `groups`."
        )
    filters = weight[1] * groups if transposed else weight[0]
    if bias is not None and bias != (filters,):
        raise InvalidInput(
            f"`bias` must have the shape ({filters},), one entry a filter; its shape is {bias}. "
            "Pass a vector, e.g. bias.reshape(-1), or no bias."
        )


def add_bias(output: Array, bias: Array) -> None:
    """Add one entry a filter, in place (the b of Eq. 7)."""
    output += bias.reshape(-1, *(1 for _ in output.shape[2:]))


def sum_of_positions(grad_output: Array) -> Array:
    """Return the gradient of the bias: d output[k, i] / d b[k] = 1, so all of a filter's errors add up."""
    return np.asarray(grad_output.sum(axis=(0, *range(2, grad_output.ndim))))
