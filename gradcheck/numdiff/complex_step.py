"""The complex step: f'(x) t = Im f(x + i h t) / h, free of cancellation (Squire and Trapp 1998), where f carries it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gradcheck.numdiff.noise import NORMAL_MEDIAN
from gradcheck.numdiff.records import Derivative, Mask, Vector, blocks, norm, sampled, typical_size

COMPLEX_STEP = "complex step"  # the name of the method
STEP = 2.0**-100  # its square is below any rounding, for entries down to 1e-22 of their scale too
UNDERFLOW = 8 * 2.0**-1074 / STEP  # an imaginary part below the smallest normal number loses its digits
RELATIVE_BAR = 32 * 2.0**-52  # elementary functions of complex arguments are good to a few tens of ulps
MOVED = 2 * 2.0**-52  # a derivative is known no better than its change over two ulps of the point
REAL_PART_NOISE = 16.0  # how many times forward's own noise the real part may differ
CONFIRMED = 1e-3  # a real difference must confirm a non-zero value to three digits
CONFIRMED_BESIDE = 1e-6  # and to six where it refutes others: of many broken values some agree to three by chance
ACCEPTED_BARS = 7.0  # and within its own bars, at the threshold at which the judge decides

Carried = Callable[[float], NDArray[np.complex128] | None]


def take_step(along: Carried, base: Vector, noise: Vector) -> Vector | None:
    """Return Im f(x + i h t) / h, or None where f refuses or drops complex numbers, or is another function of them."""
    outputs = along(STEP)
    if outputs is None or outputs.shape != base.shape:
        return None
    if not all(_carried(outputs[at], base[at], noise[at]) for at in blocks(base.size)):
        return None
    return outputs.imag / STEP


def _carried(outputs: NDArray[np.complex128], base: Vector, noise: Vector) -> bool:
    """Tell whether a complex point gave numbers whose real parts are forward's own."""
    if not np.all(np.isfinite(outputs)):
        return False
    apart = np.abs(outputs.real - base)
    return not np.any(apart > REAL_PART_NOISE * noise + REAL_PART_NOISE * 2.0**-53 * np.abs(base))


def bar_of(value: Vector, again: Vector | None, noise: Vector, hidden: Vector | None) -> Vector:
    """Return the bar of a complex step from its response to a few ulps' change of the point.

    One response may be lucky, where the derivative has an extremum or rounding swallowed the change: an output's is
    taken for no less than its neighbours' typical one, in units of the derivative and in units of forward's noise.
    Noise that a few ulps do not show (`hidden`: a cast to complex64 inside, a cancellation) is in the imaginary part
    as it is in the real one.
    """
    bar = np.empty(value.shape)
    parts = list(blocks(value.size))
    for at in parts:
        np.maximum(RELATIVE_BAR * np.abs(value[at]), UNDERFLOW, out=bar[at])
        if hidden is not None:
            np.maximum(bar[at], REAL_PART_NOISE * hidden[at], out=bar[at])
    if again is None:
        return bar
    response = np.empty(value.shape)
    for at in parts:
        np.abs(again[at] - value[at], out=response[at])
    size = norm(value)
    shared = norm(response) / size if size > 0 else 0.0
    in_noise, in_size = _typical(response, noise), _typical(response, value)
    for at in parts:
        own = np.abs(value[at])
        least = np.maximum(in_noise * noise[at], in_size * own)
        np.maximum(bar[at], response[at], out=bar[at])
        np.maximum(bar[at], np.maximum(least, shared * own), out=bar[at])
    return bar


def _typical(response: Vector, unit: Vector) -> float:
    """Return the response in units of the size of `unit`, as a standard deviation that a few outputs do not raise."""
    for pick in (sampled, np.ravel):  # a sample tells, unless it holds none
        some, of = pick(response), np.abs(pick(unit))
        told = of > 0
        if told.any():
            return typical_size(some[told] / of[told]) / NORMAL_MEDIAN
    return 0.0


def refuted(value: Vector, real: Derivative) -> Mask:
    """Outputs at which the real differences contradict the complex step: it is broken there."""
    bars = ACCEPTED_BARS * real.bar
    apart: Mask = np.abs(value - real.value) > bars
    if not (apart.any() and real.kinky.any()):
        return apart
    near_kink = real.kinky & (value >= np.minimum(real.left, real.right) - bars)
    near_kink &= value <= np.maximum(real.left, real.right) + bars
    return apart & ~near_kink


def confirmed(value: Vector, real: Derivative, *, broken: Mask | None = None) -> Mask:
    """Outputs whose non-zero value a real difference confirms to three digits and within its bars.

    Where it refutes the complex step at other outputs it takes six digits.
    """
    broken = refuted(value, real) if broken is None else broken
    size = (CONFIRMED_BESIDE if np.any(broken & ~real.kinky) else CONFIRMED) * np.abs(value)
    return (size > 0) & (real.bar <= size) & (np.abs(value - real.value) <= size) & ~real.kinky & ~broken


def merge(
    value: Vector,
    bar: Vector,
    real: Derivative,
    *,
    broken: Mask | None = None,
    gapped: Mask | None = None,
    mixed: bool = False,
) -> Derivative:
    """Join both: the complex step where confirmed, with its own bar.

    Elsewhere the bar is at least the real difference's, and covers how far the two stand apart. `broken` are the
    outputs that are refuted, where that is known already; what is `gapped` by a kink is not confirmed, however small
    the gap: a loss beside lambda |w| loses no more than that in a complex step, which is not taken elsewhere where such
    are `mixed` in.
    """
    broken = refuted(value, real) if broken is None else broken
    sure = confirmed(value, real, broken=broken)
    if gapped is not None:
        sure &= ~gapped
    merged, joint = value, np.minimum(bar, real.bar)
    left = right = merged
    if not sure.all():
        usable = ~broken & ~real.kinky
        merged = np.where(usable, value, real.value)
        doubtful = np.maximum(real.bar, np.where(usable, np.maximum(bar, np.abs(value - real.value)), 0.0))
        joint = np.where(sure, joint, doubtful)
        left, right = np.where(real.kinky, real.left, merged), np.where(real.kinky, real.right, merged)
    return Derivative(
        value=merged,
        bar=joint,
        left=left,
        right=right,
        kinky=real.kinky,
        noise=real.noise,
        response=real.response,
        method=COMPLEX_STEP if 2 * np.count_nonzero(sure) >= max(sure.size, 1) else real.method,
        evaluations=real.evaluations,
        step=real.step,
        carried=not mixed,
        proven=real.bar,
        rungs=real.rungs,
        steps=np.where(sure, 0.0, real.steps),
        straight=real.straight,
    )
