"""PReLU: the rectifier whose slope below zero is learned."""

from dataclasses import dataclass

import numpy as np

from gradcheck.errors import InvalidInput
from gradcheck.layers.elementwise import negative_part, positive_part
from gradcheck.layers.operands import Array, cotangent, operand, rounded


@dataclass(frozen=True)
class PReLU:
    """Rectifier with a learned slope below zero, one for all entries or one per channel (He et al. 2015).

    o_i = x_i for x_i > 0, else w_c x_i, c the channel of entry i. Backwards dE/dx_i = delta_i (1 or w_c) and
    dE/dw_c = sum of delta_i min(x_i, 0) over the entries of channel c. At the kink f'(0) = w_c, the left slope.

    `weight` has shape () or (1,), one slope, or (C,), one for each entry of axis 1 of the input.

    Examples
    --------
    >>> import numpy as np
    >>> x, weight = np.array([[-2.0, 4.0], [3.0, -6.0]]), np.array([0.5, 2.0])
    >>> PReLU().forward(x, weight).tolist()
    [[-1.0, 4.0], [3.0, -12.0]]
    >>> grad_input, grad_weight = PReLU().backward(np.ones((2, 2)), x, weight)
    >>> grad_input.tolist(), grad_weight.tolist()
    ([[0.5, 1.0], [1.0, 2.0]], [-2.0, -6.0])
    """

    def forward(self, input: Array, weight: Array) -> Array:
        """Return max(x, 0) + w min(x, 0), of the shape and dtype of `input`."""
        x = operand("input", input)
        slopes = _along_channels(operand("weight", weight), x)
        with np.errstate(over="ignore", under="ignore"):
            return rounded(positive_part(x) + slopes * negative_part(x), input)

    def backward(self, grad_output: Array, input: Array, weight: Array) -> tuple[Array, Array]:
        """Return (grad_input, grad_weight), of the shapes and dtypes of `input` and `weight`."""
        x = operand("input", input)
        delta = cotangent(grad_output, x.shape)
        w = operand("weight", weight)
        slopes = _along_channels(w, x)
        with np.errstate(over="ignore", under="ignore"):
            grad_input = np.where(x.real > 0, delta, delta * slopes)
            summed = tuple(axis for axis in range(x.ndim) if w.size == 1 or axis != 1)
            grad_weight = np.asarray((delta * negative_part(x)).sum(axis=summed)).reshape(w.shape)
            return rounded(grad_input, input), rounded(grad_weight, weight)


def _along_channels(weight: Array, input: Array) -> Array:
    """Return `weight` shaped so that it broadcasts along axis 1 of `input`."""
    if weight.ndim <= 1 and weight.size == 1:
        return weight.reshape(())
    if weight.ndim == 1 and input.ndim >= 2 and len(weight) == input.shape[1]:
        return weight.reshape(-1, *(1,) * (input.ndim - 2))
    raise InvalidInput(
        "`weight` must be one slope, of shape () or (1,), or one for each entry of axis 1 of `input`; its shape is "
        f"{weight.shape} and that of `input` {input.shape}. Pass e.g. np.full(input.shape[1], 0.25)."
    )
