"""The tail of the normal distribution in two factors, both to a few ulps: exp(-x^2 / 2) and what remains."""

from math import sqrt

import numpy as np

from gradcheck.layers.elementwise import clip
from gradcheck.layers.operands import Array

FAR = 200.0  # exp(-FAR^2 / 2) is 0 in every dtype of NumPy

# 2^20 x in float64 and 2^8 x in float32 have at most half the significant bits up to where exp(-x^2 / 2) becomes 0.
FINE, FINE_FLOAT32 = 2.0**20, 2.0**8

# (1 + u) erfcx(u / sqrt(2)) / 2 as a polynomial in y = (u - 3) / (u + 3), highest power first: interpolated at 400
# Chebyshev points by least relative squares; relative error 1.4e-8 for all u >= 0, 2 ulps evaluated in float32.
TAIL_FLOAT32 = (
    5.96329009e-05,
    3.58139550e-05,
    -4.73796128e-04,
    -3.65479558e-04,
    2.98651843e-03,
    1.16411922e-03,
    -2.27243900e-02,
    4.51634265e-02,
    -1.64326187e-02,
    -9.65267420e-02,
    4.86055791e-01,
)


def bell(x: Array) -> Array:
    """Return exp(-x^2 / 2).

    The rounding of x^2 alone would cost x^2 / 2 ulps. With c the leading bits of x, c^2 is exact, and
    exp(-x^2 / 2) = exp(-c^2 / 2) exp((c - x) (c + x) / 2), the second argument being small.
    """
    near = clip(x, -FAR, FAR)
    fine = FINE_FLOAT32 if x.real.dtype == np.float32 else FINE
    coarse = near.real * fine
    np.rint(coarse, out=coarse)
    coarse /= fine
    rest = coarse - near
    rest *= coarse + near
    rest *= 0.5
    coarse *= coarse
    coarse *= -0.5
    result = np.exp(rest, out=rest)
    result *= np.exp(coarse, out=coarse)
    return result


def scaled_tail(u: Array) -> Array:
    """Return exp(u^2 / 2) P(X > u) = erfcx(u / sqrt(2)) / 2 of a normal X, for real parts of u from 0 on."""
    if u.dtype == np.float32:
        return _scaled_tail_float32(u)
    from scipy.special import erfcx

    scale = 1 / sqrt(2)
    wide = np.complex128 if u.dtype.kind == "c" else np.float64
    return np.asarray(erfcx(u.astype(wide, copy=False) * scale) / 2, dtype=u.dtype)


def _scaled_tail_float32(u: Array) -> Array:
    near = np.minimum(u, FAR)
    y = (near - 3) / (near + 3)
    tail = y * TAIL_FLOAT32[0]
    for coefficient in TAIL_FLOAT32[1:-1]:
        tail += coefficient
        tail *= y
    tail += TAIL_FLOAT32[-1]
    tail /= 1 + near
    result: Array = tail
    return result
