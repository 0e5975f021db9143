"""Mistakes in the gradients of pooling layers; wrong ties are in `kinks`."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, Make, Pair, normal, pair, spoiled
from gradcheck.faults.specimens import Pool2d, first_winner

SMALL, OVERLAPPING, PADDED = Pool2d(), Pool2d((3, 3), (2, 2)), Pool2d((3, 3), (2, 2), 1)
OBLONG = Pool2d((2, 3), (2, 3))
IMAGES = normal(x=(2, 3, 6, 6))
ODD = normal(x=(2, 3, 7, 7))
BELOW_ZERO = normal(scale=0.5, offset=-4.0, x=(2, 3, 5, 5))

GLOBAL = Pair(
    lambda x: x.mean(axis=(2, 3)),
    lambda g, x: np.broadcast_to(g[:, :, None, None] / (x.shape[2] * x.shape[3]), x.shape).copy(),
)


def maximum(pool: Pool2d, shares: Any, *, add: bool = True) -> Make:
    """Return a maker of max pooling whose backward gives grad_output times shares(windows) to each window's cells."""
    return pair(
        lambda x: pool.windows(x, -np.inf).max(axis=0),
        lambda g, x: pool.spread(g * shares(pool.windows(x, -np.inf)), x, add=add),
    )


def average(pool: Pool2d, divisor: Any, wrong: Any, *, add: bool = True) -> Make:
    """Return a maker of average pooling that divides by divisor(x) in forward and by wrong(x) in backward."""
    taps = pool.kernel[0] * pool.kernel[1]
    return pair(
        lambda x: pool.windows(x).sum(axis=0) / divisor(x),
        lambda g, x: pool.spread(np.stack([g / wrong(x)] * taps), x, add=add),
    )


def power_mean(pool: Pool2d, power: float, slope: Any) -> Make:
    """Return a maker of Lp pooling whose backward uses slope(x, y), with y the output, at each cell."""
    return pair(
        lambda x: (np.abs(pool.windows(x)) ** power).sum(axis=0) ** (1 / power),
        lambda g, x: pool.spread(
            g * slope(pool.windows(x), (np.abs(pool.windows(x)) ** power).sum(axis=0) ** (1 / power)), x
        ),
    )


def _always(tap: int) -> Any:
    return lambda windows: (np.arange(len(windows)) == tap)[:, None, None, None, None]


def _unravelled(windows: Any) -> Any:
    rows, columns = np.unravel_index(windows.argmax(axis=0), (2, 2))
    return np.arange(4).reshape(-1, 1, 1, 1, 1) == columns * 2 + rows


def _over_batch(windows: Any) -> Any:
    best = windows.max(axis=(0, 1), keepdims=True)
    return windows == best


def _zero_padding_wins(g: Any, x: Any) -> Any:
    return PADDED.spread(g * first_winner(PADDED.windows(x, 0.0)), x)


def _stride_one(g: Any, x: Any) -> Any:
    moved = np.zeros_like(x)
    moved[:, :, :3, :3] = g
    return moved


def _uncovered_filled(g: Any, x: Any) -> Any:
    gradient = SMALL.spread(np.stack([g / 4] * 4), x)
    gradient[..., -1] = gradient[..., -2]
    return gradient


FAULTS = (
    Fault(
        "pooling/max/always-the-first-cell",
        "wrong-winner",
        ("x",),
        maximum(SMALL, _always(0)),
        IMAGES,
        "the top left cell of each window gets the gradient",
    ),
    Fault(
        "pooling/max/smallest-wins",
        "wrong-winner",
        ("x",),
        maximum(SMALL, lambda windows: first_winner(-windows)),
        IMAGES,
        "the smallest cell of each window gets the gradient",
    ),
    Fault(
        "pooling/max/winner-unravelled-wrongly",
        "wrong-winner",
        ("x",),
        maximum(SMALL, _unravelled),
        IMAGES,
        "row and column of the winner are exchanged",
    ),
    Fault(
        "pooling/max/largest-absolute-value-wins",
        "wrong-winner",
        ("x",),
        maximum(SMALL, lambda windows: first_winner(np.abs(windows))),
        IMAGES,
        "the largest cell by absolute value gets the gradient",
    ),
    Fault(
        "pooling/max/spread-evenly",
        "pool-kind",
        ("x",),
        maximum(SMALL, lambda windows: np.full(windows.shape, 1 / len(windows))),
        IMAGES,
        "the gradient is spread evenly, as in average pooling",
    ),
    Fault(
        "pooling/max/overlap-overwritten",
        "overlap-overwritten",
        ("x",),
        maximum(OVERLAPPING, first_winner, add=False),
        normal(x=(1, 1, 7, 7)),
        "a cell that wins in several windows gets the last one's gradient only",
    ),
    Fault(
        "pooling/max/padding-wins",
        "padding-wins",
        ("x",),
        pair(lambda x: PADDED.windows(x, -np.inf).max(axis=0), _zero_padding_wins),
        BELOW_ZERO,
        "backward pads with zeros, which beat negative values, and the gradient is lost",
    ),
    Fault(
        "pooling/max/over-the-batch",
        "batch-leak",
        ("x",),
        maximum(SMALL, _over_batch),
        IMAGES,
        "the winner is looked for in the whole batch",
        also=("part-zeroed",),
    ),
    Fault(
        "pooling/max/batch-ignored",
        "batch-ignored",
        ("x",),
        maximum(SMALL, lambda w: first_winner(w) * (np.arange(w.shape[1]) == 0)[:, None, None, None]),
        normal(x=(3, 2, 4, 4)),
        "only the first image gets a gradient",
    ),
    Fault(
        "pooling/max/stride-ignored",
        "stride-ignored",
        ("x",),
        pair(lambda x: x[:, :, ::2, ::2] * 1.0, _stride_one),
        IMAGES,
        "subsampling by two whose gradient is written at stride 1",
    ),
    Fault(
        "pooling/max/sign",
        "sign",
        ("x",),
        maximum(OBLONG, lambda windows: -1.0 * first_winner(windows)),
        IMAGES,
        "the gradient is subtracted",
    ),
    Fault(
        "pooling/average/divisor-forgotten",
        "factor-kernel-area",
        ("x",),
        average(SMALL, lambda _x: 4, lambda _x: 1),
        IMAGES,
        "every cell gets the whole gradient",
    ),
    Fault(
        "pooling/average/divided-twice",
        "factor-kernel-area",
        ("x",),
        average(OBLONG, lambda _x: 6, lambda _x: 36),
        IMAGES,
        "the gradient is divided by the window's size twice",
    ),
    Fault(
        "pooling/average/padding-not-counted-in-backward",
        "pool-divisor",
        ("x",),
        average(PADDED, lambda _x: 9, PADDED.counts),
        ODD,
        "forward counts the padding (count_include_pad) and backward does not",
    ),
    Fault(
        "pooling/average/padding-counted-in-backward",
        "pool-divisor",
        ("x",),
        average(PADDED, PADDED.counts, lambda _x: 9),
        ODD,
        "backward counts the padding (count_include_pad) and forward does not",
    ),
    Fault(
        "pooling/average/overlap-overwritten",
        "overlap-overwritten",
        ("x",),
        average(Pool2d((3, 3), (1, 1)), lambda _x: 9, lambda _x: 9, add=False),
        normal(x=(2, 2, 5, 5)),
        "where windows overlap the last one's gradient replaces the others",
    ),
    Fault(
        "pooling/average/uncovered-column-filled",
        "border-only",
        ("x",),
        pair(lambda x: SMALL.windows(x).mean(axis=0), _uncovered_filled),
        ODD,
        "a last column that no window covers gets a gradient",
    ),
    Fault(
        "pooling/average/global-over-batch-too",
        "factor-1/N",
        ("x",),
        spoiled(GLOBAL, lambda d: d / len(d)),
        normal(x=(3, 2, 4, 5)),
        "the mean over positions is also divided by the batch size",
    ),
    Fault(
        "pooling/lp/norm-not-divided",
        "other",
        ("x",),
        power_mean(SMALL, 2.0, lambda x, y: x + 0 * y),
        IMAGES,
        "L2 pooling without the division by the output",
    ),
    Fault(
        "pooling/lp/sign-forgotten",
        "wrong-branch",
        ("x",),
        power_mean(SMALL, 3.0, lambda x, y: x**2 / y**2),
        IMAGES,
        "L3 pooling without the sign of the input",
    ),
    Fault(
        "pooling/lp/power-off-by-one",
        "other",
        ("x",),
        power_mean(SMALL, 3.0, lambda x, y: np.sign(x) * np.abs(x) ** 3 / y**3),
        IMAGES,
        "the power p where p - 1 belongs",
    ),
)
