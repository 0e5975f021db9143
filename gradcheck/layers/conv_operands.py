"""What a convolution accepts: arrays of floating dtype whose shapes fit together, and the dtype it computes in."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.errors import InvalidInput

Array = NDArray[Any]


def accumulation_dtype(*arrays: Array) -> np.dtype[Any]:
    """Return the dtype to compute in: the promoted one, but float32 where that is float16 (rounded once at the end)."""
    dtype = np.result_type(*arrays)
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def check_floating(**arrays: Any) -> None:
    """Refuse what is no array of floating (or complex) numbers."""
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise InvalidInput(f"`{name}` must be a NumPy array; it is a {type(array).__name__}. Pass np.asarray(...).")
        if not np.issubdtype(array.dtype, np.inexact):
            raise InvalidInput(
                f"`{name}` must hold floating numbers; its dtype is {array.dtype} (shape {array.shape}). "
                f"Pass {name}.astype(np.float64)."
            )


def check_shapes(input: Array, weight: Array, bias: Array | None, *, groups: int, transposed: bool = False) -> None:
    """Refuse operands whose ranks, channels or groups do not fit; `transposed` reads the weight as (C, K/groups, ...)."""
    ndim = input.ndim - 2
    if ndim not in (1, 2, 3):
        raise InvalidInput(
            f"`input` must have shape (N, C, *spatial) with 1, 2 or 3 spatial axes; its shape is {input.shape}. "
            "Add the missing axes, e.g. input[None] for a single image."
        )
    layout = "(C, K/groups, *kernel)" if transposed else "(K, C/groups, *kernel)"
    if weight.ndim != input.ndim or 0 in weight.shape[1:] or len(weight) == 0:
        raise InvalidInput(
            f"`weight` must have shape {layout} with {ndim} kernel axes, none of size 0, for an `input` of shape "
            f"{input.shape}; its shape is {weight.shape}. Pass a weight with {ndim + 2} axes."
        )
    if len(weight) % groups or input.shape[1] % groups:
        raise InvalidInput(
            f"`groups` must divide the channels of `input` and the first axis of `weight`; groups is {groups}, they are "
            f"{input.shape[1]} and {len(weight)}. Pass another `groups`."
        )
    channels = len(weight) if transposed else weight.shape[1] * groups
    if input.shape[1] != channels:
        raise InvalidInput(
            f"`input` must have {channels} channels for a `weight` of shape {weight.shape}, {layout}, and groups="
            f"{groups}; its shape is {input.shape}. Change the weight's channels or `groups`."
        )
    filters = weight.shape[1] * groups if transposed else len(weight)
    if bias is not None and bias.shape != (filters,):
        raise InvalidInput(
            f"`bias` must have shape ({filters},), one entry a filter; its shape is {bias.shape}. Pass bias.reshape(-1)?"
        )


def check_grad_output(grad_output: Array, expected: tuple[int, ...]) -> None:
    """Refuse a cotangent that does not have the shape of the output."""
    if grad_output.shape != expected:
        raise InvalidInput(
            f"`grad_output` must have the shape of the output, {expected}; its shape is {grad_output.shape}. "
            "Pass the gradient with respect to what forward returns for these inputs."
        )
