"""Factors of each output's own: along which axis they vary, where some are not known."""

import numpy as np
import pytest

from gradcheck.explain.shares import _depends_on

ROWS = np.array([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]])


@pytest.mark.parametrize(("axis", "wanted"), [(0, True), (1, False)])
def test_tells_the_axis_along_which_factors_vary(axis, wanted):
    assert _depends_on(ROWS, axis) is wanted


def test_an_unknown_factor_says_nothing_and_neither_does_a_row_of_them():
    """Without a warning of NumPy's, which would end a check under `-W error`."""
    known = ROWS.copy()
    known[0, 1] = np.nan
    assert _depends_on(known, 0)
    known[0] = np.nan
    assert not _depends_on(known, 0)
