"""Right layers whose gradient is zero nearly everywhere, or that respond to nothing."""

import numpy as np

from gradcheck.faults.records import Tricky, normal, pair
from gradcheck.faults.tricky_manners import TWO, VALUES

TRICKY = (
    Tricky(
        "tricky-manners/vacuous/constant-output",
        pair(np.ones_like, lambda g, _x: np.zeros_like(g)),
        VALUES,
        "forward ignores its input and the claim is zero",
    ),
    Tricky(
        "tricky-manners/vacuous/floor",
        pair(np.floor, lambda g, _x: np.zeros_like(g)),
        VALUES,
        "steps, whose gradient is zero between the jumps",
    ),
    Tricky(
        "tricky-manners/vacuous/rounding",
        pair(np.rint, lambda g, _x: np.zeros_like(g)),
        normal(scale=5.0, x=(3, 4)),
        "steps, whose gradient is zero between the jumps",
    ),
    Tricky(
        "tricky-manners/vacuous/sign",
        pair(np.sign, lambda g, _x: np.zeros_like(g)),
        VALUES,
        "one step, whose gradient is zero away from it",
    ),
    Tricky(
        "tricky-manners/vacuous/unused-argument",
        pair(lambda x, y: np.sin(x) + 0 * y.sum(), lambda g, x, y: (g * np.cos(x), np.zeros_like(y))),
        TWO,
        "one argument has no effect and a gradient of zero",
    ),
    Tricky(
        "tricky-manners/vacuous/fraction",
        pair(lambda x: x - np.floor(x), lambda g, _x: g.copy()),
        VALUES,
        "jumps with a slope of 1 between them",
    ),
    Tricky(
        "tricky-manners/vacuous/quantised",
        pair(lambda x: np.round(8 * x) / 8, lambda g, _x: np.zeros_like(g)),
        VALUES,
        "steps of 1/8, whose gradient is zero between the jumps",
    ),
    Tricky(
        "tricky-manners/vacuous/quantised-to-256ths",
        pair(lambda x: np.floor(256 * x) / 256, lambda g, _x: np.zeros_like(g)),
        normal(x=(4, 5)),
        "steps of 1/256, which look rounded to float16",
    ),
    Tricky(
        "tricky-manners/vacuous/quantised-to-thousandths",
        pair(lambda x: np.round(x, 3), lambda g, _x: np.zeros_like(g)),
        normal(x=(5, 6)),
        "rounding to three digits",
    ),
    Tricky(
        "tricky-manners/vacuous/levels",
        pair(lambda x: np.floor(127 * x), lambda g, _x: np.zeros_like(g)),
        normal(x=(4, 5)),
        "levels of a quantiser, as whole numbers",
    ),
)
