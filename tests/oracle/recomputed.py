"""Exact cases computed a second time, by reference/: loops, scipy.signal and scipy.ndimage, decimals."""

import numpy as np

from reference import dense, elementary, loops, losses, signal
from reference.geometry import Pool, Sliding


def pairs(padding):
    return tuple(map(tuple, padding))


def by_sliding(source, case, inputs, error):
    """Convolution and its transpose, by `source`: loops or signal."""
    how, x, w, b = case.hyperparameters, inputs["input"], inputs["weight"], inputs.get("bias")
    slide = Sliding(tuple(how["stride"]), pairs(how["padding"]), tuple(how["dilation"]), how["groups"], how["flip"])
    if case.operation == "conv":
        output = source.convolution(x, w, b, slide)
        of_input = source.convolution_grad_input(error, x, w, slide)
        of_weight = source.convolution_grad_weight(error, x, w, slide)
    else:
        output = source.transposed_convolution(x, w, b, slide, tuple(how["output_padding"]))
        of_input = source.transposed_grad_input(error, x, w, slide)
        of_weight = source.transposed_grad_weight(error, x, w, slide)
    return {"output": output, "input": of_input, "weight": of_weight, "bias": source.grad_bias(error)}


def pool_of(case):
    how = case.hyperparameters
    kernel = tuple(how["kernel_size"])
    dilation = tuple(how.get("dilation", (1,) * len(kernel)))
    return Pool(kernel, tuple(how["stride"]), pairs(how["padding"]), dilation, how["ceil_mode"])


def axes_of(case, x):
    """The windows of a pool, as loops.py lists them."""
    size = x.shape[2:]
    if case.operation.startswith("global"):
        return [[list(range(length))] for length in size]
    if case.operation.startswith("adaptive"):
        return loops.adaptive_windows(size, tuple(case.hyperparameters["output_size"]))
    return loops.sliding_windows(size, pool_of(case))


def by_maxima(case, x, error):
    axes = axes_of(case, x)
    winners = [
        [int(np.ravel_multi_index(place, x.shape[2:])) for place in seen if x[(n, c, *place)] == best]
        for n, c, *out in loops.cells(error.shape)
        for seen in [loops.window(axes, tuple(out), x.shape[2:])]
        for best in [max(x[(n, c, *place)] for place in seen)]
    ]
    most = max(map(len, winners))
    filled = [[*places, *[-1] * (most - len(places))] for places in winners]
    return {
        "output": loops.max_pool(x, axes),
        "input": loops.max_pool_grad_input(error, x, axes, "first"),
        "split": loops.max_pool_grad_input(error, x, axes, "split"),
        "winners": np.reshape(filled, (*error.shape, most)),
    }


def by_means(case, x, error):
    axes, size = axes_of(case, x), x.shape[2:]
    low, high = (0,) * len(size), size
    if case.operation == "avg_pool" and case.hyperparameters["count_include_pad"]:
        before, after = zip(*case.hyperparameters["padding"], strict=True)
        low, high = tuple(-b for b in before), tuple(n + a for n, a in zip(size, after, strict=True))
    divisors = loops.window_sizes(axes, low, high)
    override = case.hyperparameters.get("divisor_override")
    if override is not None:
        divisors = dict.fromkeys(divisors, override)
    return {"output": loops.avg_pool(x, axes, divisors), "input": loops.avg_pool_grad_input(error, x, axes, divisors)}


def by_magnitudes(case, x, error):
    axes = axes_of(case, x)
    return {"output": loops.lp_pool(x, axes, 1), "input": loops.lp_pool_grad_input(error, x, axes, 1)}


def by_filters(case, x):
    """The output of a sliding pool once more, by scipy.ndimage."""
    how, pool = case.hyperparameters, pool_of(case)
    if case.operation == "max_pool":
        return signal.max_pool(x, pool)
    if case.operation == "lp_pool":
        return signal.lp_pool(x, pool, 1)
    counted, override = how["count_include_pad"], how["divisor_override"]
    return signal.avg_pool(x, pool, count_include_pad=counted, divisor_override=override)


def by_rows(inputs, error):
    x, w, b = inputs["input"], inputs["weight"], inputs.get("bias")
    rows, errors = x.reshape(-1, x.shape[-1]), error.reshape(-1, error.shape[-1])
    of_input, of_weight, of_bias = dense.linear_grads(errors, rows, w)
    output = dense.linear(rows, w, b).reshape(error.shape)
    return {"output": output, "input": of_input.reshape(x.shape), "weight": of_weight, "bias": of_bias}


def by_entries(case, x, error):
    value, slope = elementary.ACTIVATIONS[case.operation]
    names = {"min_val": "low", "max_val": "high"}
    parameters = {names.get(name, name): number for name, number in case.hyperparameters.items()}
    output = elementary.at_each(value, x, **parameters)
    return {"output": output, "input": error * elementary.at_each(slope, x, **parameters)}


def by_slopes(inputs, error):
    """PReLU, a number at a time."""
    x, w = inputs["input"], inputs["weight"]
    output, of_input, of_weight = np.zeros(x.shape), np.zeros(x.shape), np.zeros(w.shape)
    for at in np.ndindex(x.shape):
        c = at[1] if len(w) > 1 else 0
        output[at] = x[at] if x[at] > 0 else w[c] * x[at]
        of_input[at] = error[at] * (1 if x[at] > 0 else w[c])
        of_weight[c] += 0 if x[at] > 0 else error[at] * x[at]
    return {"output": output, "input": of_input, "weight": of_weight}


def by_terms(case, inputs, error):
    y, t = inputs["input"], inputs["target"]
    half = 2 if case.operation == "half_squared_error" else 1
    terms, slopes = losses.squared_errors(y, t) / half, losses.squared_error_slopes(y, t) / half
    reduction = case.hyperparameters["reduction"]
    output = {"none": terms, "sum": terms.sum(), "mean": terms.mean()}[reduction]
    slopes = error * slopes / (y.size if reduction == "mean" else 1)
    return {"output": output, "input": slopes, "target": -slopes}


def by_statistics(case, inputs, error):
    x, w, b = inputs["input"], inputs["weight"], inputs["bias"]
    epsilon = float(case.hyperparameters["epsilon"])
    norm, grads = getattr(dense, case.operation), getattr(dense, f"{case.operation}_grads")
    of_input, of_weight, of_bias = grads(error, x, w, epsilon)
    return {"output": norm(x, w, b, epsilon), "input": of_input, "weight": of_weight, "bias": of_bias}


def recomputed(case):
    """Yield every result of an exact case, once or twice, as mappings from name to array."""
    vector = case.vector("float64")
    inputs, error = vector.inputs, vector.grad_output
    x = inputs["input"]
    if case.operation in ("conv", "conv_transpose"):
        yield by_sliding(loops, case, inputs, error)
        yield by_sliding(signal, case, inputs, error)
    elif "pool" in case.operation:
        by = by_maxima if "max" in case.operation else by_means if "avg" in case.operation else by_magnitudes
        yield by(case, x, error)
        if "kernel_size" in case.hyperparameters:
            yield {"output": by_filters(case, x)}
    elif case.operation == "linear":
        yield by_rows(inputs, error)
    elif case.operation == "prelu":
        yield by_slopes(inputs, error)
    elif case.operation.endswith("_error"):
        yield by_terms(case, inputs, error)
    elif case.operation.endswith("_norm"):
        yield by_statistics(case, inputs, error)
    else:
        yield by_entries(case, x, error)
