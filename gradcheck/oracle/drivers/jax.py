"""JAX: jax.lax and jax.nn, and the gradients of jax.vjp."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck.errors import InvalidInput, MissingExtra
from gradcheck.oracle.case import Array
from gradcheck.oracle.implementation import Results, Run

Settings = Mapping[str, Any]


def open_device(device: str) -> Run:
    """Return the function that computes a case on a device; raise InvalidInput for one that JAX does not have."""
    try:
        import jax
    except ImportError as err:
        raise MissingExtra("jax") from err
    try:
        place = jax.devices(device or "cpu")[0]
    except RuntimeError as err:
        raise InvalidInput(f"--device must be one that jax has here; {device!r}: {str(err).splitlines()[0]}") from err
    config: Any = jax.config
    config.update("jax_enable_x64", True)  # a process of its own: nobody else's setting is changed

    def run(operation: str, hyperparameters: Settings, inputs: Mapping[str, Array], grad_output: Array) -> Results:
        compute = _OPERATIONS.get(operation)
        if compute is None:
            raise NotImplementedError(f"jax.nn and jax.lax have no {operation}")
        arrays = {name: jax.device_put(value, place) for name, value in inputs.items()}
        floating = [name for name, value in inputs.items() if value.dtype.kind == "f"]

        def forward(*leaves: Any) -> Any:
            return compute(*{**arrays, **dict(zip(floating, leaves, strict=True))}.values(), **hyperparameters)

        output, pullback = jax.vjp(forward, *(arrays[name] for name in floating))
        gradients = pullback(jax.device_put(grad_output, place))
        return np.asarray(output), {name: np.asarray(g) for name, g in zip(floating, gradients, strict=True)}

    return run


def _layout(rank: int) -> tuple[str, str, str]:
    axes = "DHW"[-rank:]
    return f"NC{axes}", f"OI{axes}", f"NC{axes}"


def _conv(x: Any, weight: Any, bias: Any = None, **more: Any) -> Any:
    from jax import lax

    rank = len(more["stride"])
    kernel = weight[(..., *(slice(None, None, -1),) * rank)] if more["flip"] else weight
    out = lax.conv_general_dilated(
        x,
        kernel,
        more["stride"],
        [tuple(pair) for pair in more["padding"]],
        rhs_dilation=more["dilation"],
        dimension_numbers=_layout(rank),
        feature_group_count=more["groups"],
        precision=lax.Precision.HIGHEST,
    )
    return out if bias is None else out + bias.reshape(-1, *(1,) * rank)


def _conv_transpose(x: Any, weight: Any, bias: Any = None, **more: Any) -> Any:
    """Write it as the convolution of the input, spread out by the stride, with the kernel from its other end."""
    from jax import lax

    rank, groups = len(more["stride"]), more["groups"]
    grouped = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:]).swapaxes(1, 2)
    kernel = grouped.reshape(-1, weight.shape[0] // groups, *weight.shape[2:])
    if not more["flip"]:
        kernel = kernel[(..., *(slice(None, None, -1),) * rank)]
    sizes = zip(kernel.shape[2:], more["dilation"], more["padding"], more["output_padding"], strict=True)
    sides = [(d * (k - 1) - before, d * (k - 1) - after + extra) for k, d, (before, after), extra in sizes]
    out = lax.conv_general_dilated(
        x,
        kernel,
        (1,) * rank,
        sides,
        lhs_dilation=more["stride"],
        rhs_dilation=more["dilation"],
        dimension_numbers=_layout(rank),
        feature_group_count=groups,
        precision=lax.Precision.HIGHEST,
    )
    return out if bias is None else out + bias.reshape(-1, *(1,) * rank)


def _linear(x: Any, weight: Any, bias: Any = None) -> Any:
    import jax.numpy as jnp
    from jax import lax

    out = jnp.matmul(x, weight.T, precision=lax.Precision.HIGHEST)
    return out if bias is None else out + bias


def _windows(kernel_size: list[int], stride: list[int], padding: list[list[int]]) -> dict[str, Any]:
    return {
        "window_dimensions": (1, 1, *kernel_size),
        "window_strides": (1, 1, *stride),
        "padding": ((0, 0), (0, 0), *(tuple(pair) for pair in padding)),
    }


def _max_pool(x: Any, *, ceil_mode: bool, dilation: list[int], **more: Any) -> Any:
    from jax import lax

    if ceil_mode:
        raise NotImplementedError("jax.lax.reduce_window has no ceil_mode")
    if any(d > 1 for d in dilation):
        raise NotImplementedError("jax has no gradient of a dilated reduce_window")
    return lax.reduce_window(x, -np.inf, lax.max, **_windows(**more))


def _avg_pool(x: Any, *, ceil_mode: bool, count_include_pad: bool, divisor_override: int | None, **more: Any) -> Any:
    import jax.numpy as jnp
    from jax import lax

    if ceil_mode:
        raise NotImplementedError("jax.lax.reduce_window has no ceil_mode")
    sums = lax.reduce_window(x, 0.0, lax.add, **_windows(**more))
    if divisor_override is not None:
        return sums / divisor_override
    if count_include_pad:
        return sums / int(np.prod(more["kernel_size"]))
    return sums / lax.reduce_window(jnp.ones_like(x), 0.0, lax.add, **_windows(**more))


def _over_positions(name: str) -> Callable[..., Any]:
    def pool(x: Any) -> Any:
        import jax.numpy as jnp

        return getattr(jnp, name)(x, axis=tuple(range(2, x.ndim)), keepdims=True)

    return pool


def _nn(name: str, **only: Any) -> Callable[..., Any]:
    """Return a function of jax.nn; `only` gives the one value of a setting that it has no argument for."""

    def compute(x: Any, **settings: Any) -> Any:
        import jax

        for key, value in only.items():
            if key in settings and settings.pop(key) != value:
                raise NotImplementedError(f"jax.nn.{name} has no {key}")
        return getattr(jax.nn, name)(x, **settings)

    return compute


def _tanh(x: Any) -> Any:
    import jax.numpy as jnp

    return jnp.tanh(x)


def _gelu(x: Any, *, approximate: str = "none") -> Any:
    import jax

    return jax.nn.gelu(x, approximate=approximate == "tanh")


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "linear": _linear,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "global_max_pool": _over_positions("max"),
    "global_avg_pool": _over_positions("mean"),
    "relu": _nn("relu"),
    "leaky_relu": _nn("leaky_relu"),
    "relu6": _nn("relu6"),
    "hard_tanh": _nn("hard_tanh", min_val=-1, max_val=1),
    "hard_sigmoid": _nn("hard_sigmoid"),
    "hard_swish": _nn("hard_swish"),
    "sigmoid": _nn("sigmoid"),
    "log_sigmoid": _nn("log_sigmoid"),
    "tanh": _tanh,
    "softplus": _nn("softplus", beta=1, threshold=None),
    "softsign": _nn("soft_sign"),
    "elu": _nn("elu"),
    "selu": _nn("selu"),
    "celu": _nn("celu"),
    "gelu": _gelu,
    "silu": _nn("silu"),
    "mish": _nn("mish"),
    "softmax": _nn("softmax"),
    "log_softmax": _nn("log_softmax"),
}
