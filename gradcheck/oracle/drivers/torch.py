"""PyTorch: the functions of torch.nn.functional, and the gradients of its autograd."""

from collections.abc import Callable, Mapping
from typing import Any

from gradcheck.errors import InvalidInput, MissingExtra
from gradcheck.oracle.case import Array
from gradcheck.oracle.implementation import Results, Run

Settings = Mapping[str, Any]


def open_device(device: str) -> Run:
    """Return the function that computes a case on a device; raise InvalidInput for one that torch does not have."""
    try:
        import torch
    except ImportError as err:
        raise MissingExtra("torch") from err
    try:
        place = torch.device(device or "cpu")
        torch.zeros(1, device=place)
    except (RuntimeError, AssertionError) as err:
        raise InvalidInput(f"--device must be one that torch has here; {device!r}: {str(err).splitlines()[0]}") from err

    def run(operation: str, hyperparameters: Settings, inputs: Mapping[str, Array], grad_output: Array) -> Results:
        compute = _OPERATIONS.get(operation)
        if compute is None:
            raise NotImplementedError(f"torch.nn.functional has no {operation}")
        wide = {name: v if v.dtype.kind == "f" else v.astype("int64") for name, v in inputs.items()}  # labels
        tensors = {name: torch.tensor(value, device=place) for name, value in wide.items()}
        leaves = {name: t.requires_grad_() for name, t in tensors.items() if t.is_floating_point()}
        output = compute(*tensors.values(), **hyperparameters)
        gradients = torch.autograd.grad(output, list(leaves.values()), torch.tensor(grad_output, device=place))
        named = dict(zip(leaves, (g.cpu().numpy() for g in gradients), strict=True))
        return output.detach().cpu().numpy(), named

    return run


def _functions() -> Any:
    import torch.nn.functional as F  # noqa: N812 - its usual name

    return F


def _symmetric(padding: list[list[int]], what: str) -> tuple[int, ...]:
    if any(before != after for before, after in padding):
        raise NotImplementedError(f"torch's {what} takes one padding for both sides of an axis")
    return tuple(before for before, _ in padding)


def _padded(x: Any, padding: list[list[int]], value: float) -> Any:
    sides = [side for pair in reversed(padding) for side in pair]
    return _functions().pad(x, sides, value=value)


def _conv(x: Any, weight: Any, bias: Any = None, *, stride: list[int], padding: list[list[int]], **more: Any) -> Any:
    """Pad by hand where the sides differ, as its users do."""
    rank = len(stride)
    flip = more.pop("flip")
    kernel = weight.flip(*range(2, 2 + rank)) if flip else weight
    even = all(before == after for before, after in padding)
    source = x if even else _padded(x, padding, 0.0)
    sides = tuple(before for before, _ in padding) if even else 0
    function = getattr(_functions(), f"conv{rank}d")
    return function(source, kernel, bias, stride=tuple(stride), padding=sides, **_tuples(more))


def _conv_transpose(
    x: Any, weight: Any, bias: Any = None, *, stride: list[int], padding: list[list[int]], **more: Any
) -> Any:
    rank = len(stride)
    flip = more.pop("flip")
    kernel = weight.flip(*range(2, 2 + rank)) if flip else weight
    sides = _symmetric(padding, "transposed convolution")
    limits = [max(s, d) for s, d in zip(stride, more["dilation"], strict=True)]
    if any(extra >= limit for extra, limit in zip(more["output_padding"], limits, strict=True)):
        raise NotImplementedError("torch's output_padding must be smaller than stride or dilation")
    function = getattr(_functions(), f"conv_transpose{rank}d")
    return function(x, kernel, bias, stride=tuple(stride), padding=sides, **_tuples(more))


def _max_pool(x: Any, *, kernel_size: list[int], padding: list[list[int]], **more: Any) -> Any:
    sides = _symmetric(padding, "max pooling")
    if any(2 * side > size for side, size in zip(sides, kernel_size, strict=True)):
        raise NotImplementedError("torch's max pooling pads by at most half of the kernel")
    function = getattr(_functions(), f"max_pool{len(kernel_size)}d")
    return function(x, tuple(kernel_size), padding=sides, **_tuples(more))


def _avg_pool(x: Any, *, kernel_size: list[int], padding: list[list[int]], divisor_override: Any, **more: Any) -> Any:
    sides = _symmetric(padding, "average pooling")
    if any(2 * side > size for side, size in zip(sides, kernel_size, strict=True)):
        raise NotImplementedError("torch's average pooling pads by at most half of the kernel")
    if divisor_override is not None:
        if len(kernel_size) == 1:
            raise NotImplementedError("torch's avg_pool1d has no divisor_override")
        more["divisor_override"] = divisor_override
    function = getattr(_functions(), f"avg_pool{len(kernel_size)}d")
    return function(x, tuple(kernel_size), padding=sides, **_tuples(more))


def _lp_pool(x: Any, *, p: float, kernel_size: list[int], stride: list[int], **more: Any) -> Any:
    if any(side for pair in more["padding"] for side in pair):
        raise NotImplementedError("torch's lp_pool has no padding")
    function = getattr(_functions(), f"lp_pool{len(kernel_size)}d")
    size, step = (kernel_size[0], stride[0]) if len(kernel_size) == 1 else (tuple(kernel_size), tuple(stride))
    return function(x, p, size, step, more["ceil_mode"])


def _adaptive(kind: str) -> Callable[..., Any]:
    def pool(x: Any, *, output_size: list[int] | None = None, **_: Any) -> Any:
        size = (1,) * (x.dim() - 2) if output_size is None else tuple(output_size)
        return getattr(_functions(), f"adaptive_{kind}_pool{x.dim() - 2}d")(x, size)

    return pool


def _global_lp_pool(x: Any, *, p: float = 2.0) -> Any:
    import torch

    return torch.linalg.vector_norm(x, ord=p, dim=tuple(range(2, x.dim())), keepdim=True)


def _plain(name: str, **renamed: str) -> Callable[..., Any]:
    """Return a function of torch.nn.functional that takes our settings under its own names."""

    def compute(*inputs: Any, **settings: Any) -> Any:
        return getattr(_functions(), name)(*inputs, **{renamed.get(key, key): v for key, v in settings.items()})

    return compute


def _softplus(x: Any, *, beta: float = 1.0, threshold: float | None = None) -> Any:
    """Without a threshold of the case's, take one beyond which float64 cannot tell softplus from a line."""
    return _functions().softplus(x, beta, 40.0 if threshold is None else threshold)


def _log_or_softmax(name: str) -> Callable[..., Any]:
    return lambda x, *, axis=-1: getattr(_functions(), name)(x, dim=axis)


def _half_squared_error(x: Any, target: Any, *, reduction: str) -> Any:
    return 0.5 * _functions().mse_loss(x, target, reduction=reduction)


def _batch_norm(x: Any, weight: Any = None, bias: Any = None, *, epsilon: float = 1e-5) -> Any:
    return _functions().batch_norm(x, None, None, weight, bias, training=True, eps=epsilon)


def _layer_norm(x: Any, weight: Any = None, bias: Any = None, *, trailing_axes: int = 1, epsilon: float = 1e-5) -> Any:
    return _functions().layer_norm(x, x.shape[-trailing_axes:], weight, bias, eps=epsilon)


def _tuples(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "linear": _plain("linear"),
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "lp_pool": _lp_pool,
    "adaptive_max_pool": _adaptive("max"),
    "adaptive_avg_pool": _adaptive("avg"),
    "global_max_pool": _adaptive("max"),
    "global_avg_pool": _adaptive("avg"),
    "global_lp_pool": _global_lp_pool,
    "relu": _plain("relu"),
    "leaky_relu": _plain("leaky_relu"),
    "prelu": _plain("prelu"),
    "relu6": _plain("relu6"),
    "threshold": _plain("threshold"),
    "hard_tanh": _plain("hardtanh"),
    "hard_sigmoid": _plain("hardsigmoid"),
    "hard_swish": _plain("hardswish"),
    "hard_shrink": _plain("hardshrink"),
    "soft_shrink": _plain("softshrink"),
    "sigmoid": _plain("sigmoid"),
    "log_sigmoid": _plain("logsigmoid"),
    "tanh": _plain("tanh"),
    "tanh_shrink": _plain("tanhshrink"),
    "softplus": _softplus,
    "softsign": _plain("softsign"),
    "elu": _plain("elu"),
    "selu": _plain("selu"),
    "celu": _plain("celu"),
    "gelu": _plain("gelu"),
    "silu": _plain("silu"),
    "mish": _plain("mish"),
    "softmax": _log_or_softmax("softmax"),
    "log_softmax": _log_or_softmax("log_softmax"),
    "half_squared_error": _half_squared_error,
    "mean_squared_error": _plain("mse_loss"),
    "cross_entropy": _plain("cross_entropy"),
    "binary_cross_entropy": _plain("binary_cross_entropy_with_logits"),
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
}
