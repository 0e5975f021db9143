"""SciPy's correlate2d and convolve2d as sides of a claim; independent of everything that is transcribed here."""

import numpy as np

from gradcheck.article.cases import Case
from gradcheck.article.claims import Side
from gradcheck.article.indexing import At


def correlate(mode: str, *, bias: bool = False) -> Side:
    """Return correlate2d(image, kernel) in this mode, with the bias of each pixel added where asked."""

    def side(case: Case, at: At) -> int:
        from scipy.signal import correlate2d

        result = correlate2d(case.image[0], case.kernel[0], mode=mode)
        return int((result + case.bias if bias else result)[at])

    return side


def convolve(mode: str) -> Side:
    """Return convolve2d(image, kernel) in this mode."""

    def side(case: Case, at: At) -> int:
        from scipy.signal import convolve2d

        return int(np.asarray(convolve2d(case.image[0], case.kernel[0], mode=mode))[at])

    return side
