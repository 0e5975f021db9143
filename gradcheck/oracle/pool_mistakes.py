"""How pools go wrong."""

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from gradcheck.layers import AvgPool, MaxPool
from gradcheck.oracle.case import Array
from gradcheck.oracle.mistakes import Entry, Results, Scene
from gradcheck.oracle.places import divisors, sliding, taps_of, windows_of

MAXIMA = ("max_pool", "adaptive_max_pool", "global_max_pool")
MEANS = ("avg_pool", "adaptive_avg_pool", "global_avg_pool")
SLIDING = ("max_pool", "avg_pool", "lp_pool")


def _by_another(scene: Scene, **changes: Any) -> Results:
    """Return all results of the same layer with other hyperparameters."""
    return scene.results(replace(scene.layer, **changes), *scene.inputs)


def _tie_all_winners(scene: Scene) -> Results:
    error, winners = _errors(scene), _winners(scene)
    gradient = np.zeros((*error.shape[:2], prod(scene.inputs[0].shape[2:])))
    for n, c, window in np.ndindex(error.shape):
        won = winners[n, c, window]
        gradient[n, c, won[won >= 0]] += error[n, c, window]
    return _gradient(scene, gradient)


def _overlap_overwritten(scene: Scene) -> Results:
    """Let each window write over what another has left, where it is the last to come."""
    error, x = _errors(scene), scene.inputs[0]
    gradient = np.zeros((*error.shape[:2], prod(x.shape[2:])))
    for window, places in enumerate(windows_of(scene.layer, x.shape)):
        alone = np.zeros(scene.error.shape)
        alone.reshape(error.shape)[..., window] = error[..., window]
        share = scene.layer.backward(alone, x).reshape(gradient.shape)
        touched = share != 0 if scene.case.operation in MAXIMA else np.isin(np.arange(gradient.shape[-1]), places)
        gradient = np.where(touched, share, gradient)
    return _gradient(scene, gradient)


def _winners_of_first_sample(scene: Scene) -> Results:
    error, first = _errors(scene), _winners(scene)[0, 0, :, 0]
    gradient = np.zeros((*error.shape[:2], prod(scene.inputs[0].shape[2:])))
    for window, place in enumerate(first):
        gradient[..., place] += error[..., window]
    return _gradient(scene, gradient)


def _winner_index_transposed(scene: Scene) -> Results:
    """Take the winner's number within its window apart with the axes of the kernel in reverse."""
    error, x = _errors(scene), scene.inputs[0]
    kernel, winners = scene.layer.kernel_size, _winners(scene)[..., 0]
    gradient = np.zeros((*error.shape[:2], prod(x.shape[2:])))
    for window, taps in enumerate(taps_of(scene.layer, x.shape)):
        place_of, offset_of = dict(taps), {place: offset for offset, place in taps}
        for n, c in np.ndindex(error.shape[:2]):
            number = np.ravel_multi_index(offset_of[winners[n, c, window]], kernel)
            offset = tuple(int(i) for i in np.unravel_index(number, kernel, order="F"))
            if offset in place_of:
                gradient[n, c, place_of[offset]] += error[n, c, window]
    return _gradient(scene, gradient)


def _zero_padding_wins(scene: Scene) -> Results:
    layer, x = scene.layer, scene.inputs[0]
    if layer.ceil_mode:
        return {}  # what hangs over the end has no padding that could win
    padded, unpadded = np.pad(x, [(0, 0), (0, 0), *layer.padding]), replace(layer, padding=0)
    gradient = unpadded.backward(scene.error, padded)
    axes = zip(layer.padding, x.shape[2:], strict=True)
    inner = (..., *(slice(before, before + n) for (before, _), n in axes))
    return {"output": unpadded.forward(padded), "input": gradient[inner]}


def _largest_magnitude_wins(scene: Scene) -> Results:
    gradient = scene.layer.backward(scene.error, np.abs(scene.inputs[0]))
    return {"output": scene.layer.forward(np.abs(scene.inputs[0])), "input": gradient}


def _gradient_of_positives_only(scene: Scene) -> Results:
    """Take what is positive for the mask of the winners, as behind a ReLU."""
    return {"input": scene.vector.gradients["input"] * (scene.inputs[0] > 0)}


def _stride_taken_as_kernel(scene: Scene) -> Results:
    return _by_another(scene, stride=None)


def _axis_order(scene: Scene) -> Results:
    stated = ("kernel_size", "stride", "padding", *(["dilation"] if hasattr(scene.layer, "dilation") else []))
    return _by_another(scene, **{name: getattr(scene.layer, name)[::-1] for name in stated})


def _padding_sides_exchanged(scene: Scene) -> Results:
    return _by_another(scene, padding=tuple(pair[::-1] for pair in scene.layer.padding))


def _dilation_forgotten(scene: Scene) -> Results:
    return _by_another(scene, dilation=1)


def _ceil_mode_forgotten(scene: Scene) -> Results:
    return _by_another(scene, ceil_mode=False)


def _remainder_pooled(scene: Scene) -> Results:
    return _by_another(scene, ceil_mode=True)


def _window_in_padding_kept(scene: Scene) -> Results:
    """Count windows by rounding up alone: one that begins behind the input, and holds nothing, would be kept."""
    windows = sliding(scene.layer, scene.inputs[0].shape)
    if not scene.layer.ceil_mode:
        return {}
    counted = [
        -(-(n + before + after - d * (k - 1) - 1) // s) + 1
        for n, k, s, (before, after), d in zip(
            windows.input_size, windows.kernel_size, windows.stride, windows.padding, windows.dilation, strict=True
        )
    ]
    return {"output": scene.vector.output if tuple(counted) == windows.output_size else np.empty(counted)}


def _divisor_counts_padding(scene: Scene) -> Results:
    return _by_another(scene, count_include_pad=True)


def _padding_not_counted(scene: Scene) -> Results:
    return _by_another(scene, count_include_pad=False)


def _divisor_override_forgotten(scene: Scene) -> Results:
    return _by_another(scene, divisor_override=None)


def _overhang_counted(scene: Scene) -> Results:
    """Divide by the kernel's size where a window hangs over the end of the padded input."""
    layer = scene.layer
    if not layer.ceil_mode or not layer.count_include_pad or layer.divisor_override is not None:
        return {}
    return _by_another(scene, divisor_override=prod(layer.kernel_size))


def _gradient_not_divided(scene: Scene) -> Results:
    by = divisors(scene.layer, scene.inputs[0].shape)
    return {"input": scene.layer.backward(scene.error * by, scene.inputs[0])}


def _gradient_divided_by_kernel_size(scene: Scene) -> Results:
    layer, x = scene.layer, scene.inputs[0]
    if layer.divisor_override is not None:
        return {}
    return {"input": replace(layer, divisor_override=prod(layer.kernel_size)).backward(scene.error, x)}


def _adaptive_end_rounded_down(scene: Scene) -> Results:
    """End window i at floor((i + 1) n / o), where the next one starts: neighbours never share."""
    spans = [
        [slice(i * n // o, max(i * n // o + 1, (i + 1) * n // o)) for i in range(o)]
        for n, o in zip(scene.inputs[0].shape[2:], scene.layer.output_size, strict=True)
    ]
    return _by_spans(scene, spans)


def _adaptive_equal_windows(scene: Scene) -> Results:
    """Use the ordinary pool with stride n // o and the kernel that then ends with the input."""
    axes = [*zip(scene.inputs[0].shape[2:], scene.layer.output_size, strict=True)]
    kernel, stride = tuple(n - (o - 1) * (n // o) for n, o in axes), tuple(n // o for n, o in axes)
    pool = MaxPool(kernel, stride) if "max" in scene.case.operation else AvgPool(kernel, stride)
    return scene.results(pool, *scene.inputs)


def _by_spans(scene: Scene, spans: list[list[slice]]) -> Results:
    x, error = scene.inputs[0], scene.error
    output, gradient = np.zeros(error.shape), np.zeros(x.shape)
    for out in np.ndindex(error.shape[2:]):
        box = (..., *(axis[i] for axis, i in zip(spans, out, strict=True)))
        seen = x[box].reshape(*x.shape[:2], -1)
        counted, divisor = np.ones(seen.shape), seen.shape[-1]
        if "max" in scene.case.operation:
            counted, divisor = np.arange(seen.shape[-1]) == seen.argmax(axis=-1)[..., np.newaxis], 1
        output[(..., *out)] = (seen * counted).sum(axis=-1) / divisor
        gradient[box] += (error[(..., *out)][..., np.newaxis] / divisor * counted).reshape(x[box].shape)
    return {"output": output, "input": gradient}


def _batch_averaged(scene: Scene) -> Results:
    """Take the mean over the samples, too."""
    error = np.broadcast_to(scene.error.mean(axis=0, keepdims=True), scene.error.shape)
    return {"input": scene.layer.backward(error, scene.inputs[0])}


def _sign_of_input_lost(scene: Scene) -> Results:
    return {"input": scene.layer.backward(scene.error, np.abs(scene.inputs[0]))}


def _magnitude_forgotten(scene: Scene) -> Results:
    windows = windows_of(scene.layer, scene.inputs[0].shape)
    flat = scene.inputs[0].reshape(*scene.inputs[0].shape[:2], -1)
    sums = np.stack([flat[..., places].sum(axis=-1) for places in windows], axis=-1)
    return {"output": sums.reshape(scene.vector.output.shape)}


def _mean_taken_of_magnitudes(scene: Scene) -> Results:
    """Divide by the number of entries, padding left out, as a mean of powers does before its root."""
    x = scene.inputs[0]
    counts = np.reshape([len(places) for places in windows_of(scene.layer, x.shape)], scene.error.shape[2:])
    return {"output": scene.vector.output / counts}


def _errors(scene: Scene) -> Array:
    """Return grad_output as (N, C, windows)."""
    return np.reshape(scene.error, (*scene.error.shape[:2], -1))


def _winners(scene: Scene) -> Array:
    """Return the winners as (N, C, windows, most)."""
    winners = scene.case.winners
    assert winners is not None
    return np.reshape(winners, (*winners.shape[:2], -1, winners.shape[-1]))


def _gradient(scene: Scene, flat: Array) -> Results:
    return {"input": flat.reshape(scene.inputs[0].shape)}


MISTAKES = (
    Entry("tie-all-winners", MAXIMA, _tie_all_winners),
    Entry("overlap-overwritten", (*MAXIMA, *MEANS, "lp_pool"), _overlap_overwritten),
    Entry("winners-of-first-sample", MAXIMA, _winners_of_first_sample),
    Entry("winner-index-transposed", ("max_pool",), _winner_index_transposed),
    Entry("zero-padding-wins", ("max_pool",), _zero_padding_wins),
    Entry("largest-magnitude-wins", MAXIMA, _largest_magnitude_wins),
    Entry("gradient-of-positives-only", MAXIMA, _gradient_of_positives_only),
    Entry("stride-taken-as-kernel", SLIDING, _stride_taken_as_kernel),
    Entry("axis-order", SLIDING, _axis_order),
    Entry("padding-sides-exchanged", SLIDING, _padding_sides_exchanged),
    Entry("dilation-forgotten", ("max_pool",), _dilation_forgotten),
    Entry("ceil-mode-forgotten", SLIDING, _ceil_mode_forgotten),
    Entry("remainder-pooled", SLIDING, _remainder_pooled),
    Entry("window-in-padding-kept", SLIDING, _window_in_padding_kept),
    Entry("divisor-counts-padding", ("avg_pool",), _divisor_counts_padding),
    Entry("padding-not-counted", ("avg_pool",), _padding_not_counted),
    Entry("divisor-override-forgotten", ("avg_pool",), _divisor_override_forgotten),
    Entry("overhang-counted", ("avg_pool",), _overhang_counted),
    Entry("gradient-not-divided", MEANS, _gradient_not_divided),
    Entry("gradient-divided-by-kernel-size", ("avg_pool",), _gradient_divided_by_kernel_size),
    Entry("adaptive-end-rounded-down", ("adaptive_max_pool", "adaptive_avg_pool"), _adaptive_end_rounded_down),
    Entry("adaptive-equal-windows", ("adaptive_max_pool", "adaptive_avg_pool"), _adaptive_equal_windows),
    Entry("batch-averaged", ("global_max_pool", "global_avg_pool"), _batch_averaged),
    Entry("sign-of-input-lost", ("lp_pool",), _sign_of_input_lost),
    Entry("magnitude-forgotten", ("lp_pool",), _magnitude_forgotten),
    Entry("mean-taken-of-powers", ("lp_pool",), _mean_taken_of_magnitudes),
)
