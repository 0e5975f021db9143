"""What a layer computes with: floating arrays, float16 widened to float32, and results rounded once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.errors import InvalidInput

Array = NDArray[Any]


def operand(name: str, value: Any) -> Array:
    """Return `value` as a floating (or complex) array in the dtype to compute in: float32 for float16, else its own.

    Swapped bytes are put in order, so that results have the machine's byte order. The caller's own
    memory is returned where nothing had to be converted, and must not be written to.
    """
    array = np.asarray(value)
    if not np.issubdtype(array.dtype, np.inexact):
        raise InvalidInput(f"`{name}` must be a floating array; its dtype is {array.dtype}. Pass {name}.astype(float).")
    return array.astype(np.float32 if array.dtype == np.float16 else array.dtype.newbyteorder("="), copy=False)


def cotangent(grad_output: Any, shape: tuple[int, ...]) -> Array:
    """Return `grad_output` as an `operand`, after making sure that it has the shape of what forward returns."""
    array = operand("grad_output", grad_output)
    if array.shape != shape:
        raise InvalidInput(
            f"`grad_output` must have the shape of the output, {shape}; its shape is {array.shape}. "
            "Pass one entry for each entry that forward returns for these inputs."
        )
    return array


def rounded(result: Any, *arguments: Any) -> Array:
    """Return `result` in the common dtype of `arguments`, as they were given; a complex result stays complex.

    What is too large for that dtype becomes inf, without a warning.
    """
    values: Array = np.asarray(result)
    if all(np.asarray(argument).dtype == values.dtype for argument in arguments):
        return values
    dtype = np.result_type(*(np.asarray(argument).dtype for argument in arguments))
    if np.iscomplexobj(values):
        dtype = np.result_type(dtype, np.complex64)
    with np.errstate(over="ignore"):
        return np.asarray(values.astype(dtype, copy=False))
