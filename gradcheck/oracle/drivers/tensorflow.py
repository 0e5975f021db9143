"""TensorFlow: tf.nn and Keras, channels last as its CPU kernels want them; the gradients of tf.GradientTape."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck.errors import InvalidInput, MissingExtra
from gradcheck.oracle.case import Array
from gradcheck.oracle.implementation import Results, Run

Settings = Mapping[str, Any]


def open_device(device: str) -> Run:
    """Return the function that computes a case on a device; raise InvalidInput for one that is not there."""
    try:
        import tensorflow as tf
    except ImportError as err:
        raise MissingExtra("tensorflow") from err
    place = device or "cpu"
    if not tf.config.list_logical_devices(place.upper().split(":")[0]):
        raise InvalidInput(f"--device must be one that tensorflow has here; there is no {device!r}.")

    def run(operation: str, hyperparameters: Settings, inputs: Mapping[str, Array], grad_output: Array) -> Results:
        compute = _OPERATIONS.get(operation)
        if compute is None:
            raise NotImplementedError(f"tf.nn and keras.activations have no {operation}")
        with tf.device(place), tf.GradientTape() as tape:
            tensors = {name: tf.constant(value) for name, value in inputs.items()}
            leaves = {name: tensors[name] for name, value in inputs.items() if value.dtype.kind == "f"}
            for leaf in leaves.values():
                tape.watch(leaf)
            output = _asked(lambda: compute(*tensors.values(), **hyperparameters), tf)
        gradients = _asked(lambda: tape.gradient(output, leaves, output_gradients=tf.constant(grad_output)), tf)
        return output.numpy(), {name: value.numpy() for name, value in gradients.items()}

    return run


def _asked(ask: Callable[[], Any], tf: Any) -> Any:
    """Take TensorFlow's own word that a kernel does not exist for what it is: not supported."""
    try:
        return ask()
    except (tf.errors.UnimplementedError, tf.errors.NotFoundError) as err:
        raise NotImplementedError(f"tensorflow: {str(err).splitlines()[0][:120]}") from err


def _last(x: Any) -> Any:
    """Return (N, C, *spatial) as (N, *spatial, C)."""
    import tensorflow as tf

    return tf.transpose(x, [0, *range(2, len(x.shape)), 1])


def _first(x: Any) -> Any:
    import tensorflow as tf

    return tf.transpose(x, [0, len(x.shape) - 1, *range(1, len(x.shape) - 1)])


_LAYOUTS = {1: "NWC", 2: "NHWC", 3: "NDHWC"}  # named, since TensorFlow 2.21 has no gradient of an unnamed third one


def _conv(x: Any, weight: Any, bias: Any = None, **more: Any) -> Any:
    import tensorflow as tf

    rank = len(more["stride"])
    if any(s > 1 for s in more["stride"]) and any(d > 1 for d in more["dilation"]):
        raise NotImplementedError("tensorflow's convolution takes a stride or a dilation, not both")
    if more["groups"] > 1:
        raise NotImplementedError("tensorflow has no gradient of a grouped convolution on the CPU")
    kernel = tf.reverse(weight, list(range(2, 2 + rank))) if more["flip"] else weight
    kernel = tf.transpose(kernel, [*range(2, 2 + rank), 1, 0])
    padded = tf.pad(x, [[0, 0], [0, 0], *more["padding"]])
    how = {"strides": more["stride"], "dilations": more["dilation"], "data_format": _LAYOUTS[rank]}
    out = _first(tf.nn.convolution(_last(padded), kernel, padding="VALID", **how))
    return out if bias is None else out + tf.reshape(bias, [-1, *[1] * rank])


def _conv_transpose(x: Any, weight: Any, bias: Any = None, **more: Any) -> Any:
    """Take TensorFlow's without padding, cut ours off its output, and add what output_padding lacks as zeros."""
    import tensorflow as tf

    rank = len(more["stride"])
    if any(d > 1 for d in more["dilation"]):
        raise NotImplementedError("tensorflow's transposed convolution takes no dilation on the CPU")
    if more["groups"] > 1:
        raise NotImplementedError("tensorflow's transposed convolution takes no groups")
    kernel = tf.reverse(weight, list(range(2, 2 + rank))) if more["flip"] else weight
    kernel = tf.transpose(kernel, [*range(2, 2 + rank), 1, 0])
    whole = [(n - 1) * s + k for n, s, k in zip(x.shape[2:], more["stride"], weight.shape[2:], strict=True)]
    shape = [x.shape[0], *whole, weight.shape[1]]
    how = {"strides": more["stride"], "data_format": _LAYOUTS[rank]}
    out = _first(tf.nn.conv_transpose(_last(x), kernel, shape, padding="VALID", **how))
    behind = [extra - after for (_, after), extra in zip(more["padding"], more["output_padding"], strict=True)]
    out = tf.pad(out, [[0, 0], [0, 0], *([0, max(more_behind, 0)] for more_behind in behind)])
    kept = (slice(before, min(b, 0) or None) for (before, _), b in zip(more["padding"], behind, strict=True))
    out = out[(slice(None), slice(None), *kept)]
    return out if bias is None else out + tf.reshape(bias, [-1, *[1] * rank])


def _linear(x: Any, weight: Any, bias: Any = None) -> Any:
    import tensorflow as tf

    out = tf.linalg.matmul(x, weight, transpose_b=True) if len(x.shape) > 1 else tf.linalg.matvec(weight, x)
    return out if bias is None else out + bias


def _pool(kind: str, padding_value: float) -> Callable[..., Any]:
    def pool(x: Any, *, kernel_size: list[int], stride: list[int], padding: list[list[int]], **more: Any) -> Any:
        import tensorflow as tf

        if more["ceil_mode"]:
            raise NotImplementedError("tensorflow's pooling has no ceil_mode")
        if any(d > 1 for d in more.get("dilation", [])):
            raise NotImplementedError("tensorflow has no gradient of a dilated pool")
        if any(s > k for s, k in zip(stride, kernel_size, strict=True)):
            raise NotImplementedError("tensorflow's pooling takes no stride beyond its window")
        if len(kernel_size) == 3 and x.dtype == tf.float64:
            raise NotImplementedError("tensorflow's pooling of three axes takes no float64 on the CPU")
        padded_at_all = any(side for pair in padding for side in pair)
        if kind == "AVG" and more["divisor_override"] is not None:
            raise NotImplementedError("tensorflow's pooling has no divisor_override")
        if kind == "AVG" and padded_at_all and not more["count_include_pad"]:
            raise NotImplementedError("tensorflow leaves padding out of the divisor for padding SAME alone")
        padded = tf.pad(x, [[0, 0], [0, 0], *padding], constant_values=padding_value) if padded_at_all else x
        return _first(tf.nn.pool(_last(padded), kernel_size, kind, strides=stride, padding="VALID"))

    return pool


def _over_positions(name: str) -> Callable[..., Any]:
    def pool(x: Any) -> Any:
        import tensorflow as tf

        return getattr(tf, name)(x, axis=list(range(2, len(x.shape))), keepdims=True)

    return pool


def _nn(name: str, renamed: Mapping[str, str] | None = None, **only: Any) -> Callable[..., Any]:
    """Return a function of tf.nn; of settings that it has no argument for, `only` gives the one value it stands for."""

    def compute(x: Any, **settings: Any) -> Any:
        import tensorflow as tf

        for key, value in only.items():
            if key in settings and settings.pop(key) != value:
                raise NotImplementedError(f"tf.nn.{name} has no {key}")
        given = {(renamed or {}).get(key, key): value for key, value in settings.items()}
        return getattr(tf.nn, name)(x, **given)

    return compute


def _keras(name: str, renamed: Mapping[str, str] | None = None, **only: Any) -> Callable[..., Any]:
    """Return a function of keras.activations, in the way of `_nn`."""

    def compute(x: Any, **settings: Any) -> Any:
        import tensorflow as tf

        backend = tf.keras.config.backend()
        if backend != "tensorflow":
            raise NotImplementedError(f"Keras computes with {backend} here, not with tensorflow")
        for key, value in only.items():
            if settings.pop(key) != value:
                raise NotImplementedError(f"keras.activations.{name} has no {key}")
        given = {(renamed or {}).get(key, key): value for key, value in settings.items()}
        return getattr(tf.keras.activations, name)(x, **given)

    return compute


def _log_sigmoid(x: Any) -> Any:
    import tensorflow as tf

    return tf.math.log_sigmoid(x)


def _gelu(x: Any, *, approximate: str = "none") -> Any:
    import tensorflow as tf

    return tf.nn.gelu(x, approximate=approximate == "tanh")


def _cross_entropy(x: Any, target: Any, *, reduction: str) -> Any:
    import tensorflow as tf

    if len(x.shape) > 2:
        x = _last(x)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(target, tf.int64), x)
    return _reduced(losses, reduction)


def _binary_cross_entropy(x: Any, target: Any, *, reduction: str) -> Any:
    import tensorflow as tf

    return _reduced(tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=x), reduction)


def _reduced(losses: Any, reduction: str) -> Any:
    import tensorflow as tf

    return losses if reduction == "none" else {"sum": tf.reduce_sum, "mean": tf.reduce_mean}[reduction](losses)


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "linear": _linear,
    "max_pool": _pool("MAX", -np.inf),
    "avg_pool": _pool("AVG", 0.0),
    "global_max_pool": _over_positions("reduce_max"),
    "global_avg_pool": _over_positions("reduce_mean"),
    "relu": _nn("relu"),
    "leaky_relu": _nn("leaky_relu", {"negative_slope": "alpha"}),
    "relu6": _nn("relu6"),
    "sigmoid": _nn("sigmoid"),
    "log_sigmoid": _log_sigmoid,
    "tanh": _nn("tanh"),
    "softplus": _nn("softplus", beta=1, threshold=None),
    "softsign": _nn("softsign"),
    "elu": _nn("elu", alpha=1),
    "selu": _nn("selu"),
    "celu": _keras("celu"),
    "threshold": _keras("threshold", {"value": "default_value"}),
    "hard_tanh": _keras("hard_tanh", min_val=-1, max_val=1),
    "hard_sigmoid": _keras("hard_sigmoid"),
    "hard_swish": _keras("hard_silu"),
    "hard_shrink": _keras("hard_shrink", {"lambd": "threshold"}),
    "soft_shrink": _keras("soft_shrink", {"lambd": "threshold"}),
    "tanh_shrink": _keras("tanh_shrink"),
    "mish": _keras("mish"),
    "gelu": _gelu,
    "silu": _nn("silu"),
    "softmax": _nn("softmax"),
    "log_softmax": _nn("log_softmax"),
    "cross_entropy": _cross_entropy,
    "binary_cross_entropy": _binary_cross_entropy,
}
