"""What a backward of a class returns, read by name."""

import numpy as np

from gradcheck import Verdict, check


def test_rows_of_different_lengths_have_no_shape_and_are_a_finding():
    class Dense:
        def __init__(self):
            self.W = np.ones((3, 2))

        def forward(self, x):
            return x @ self.W

        def backward(self, dout):
            return [[1.0], [1.0, 2.0]]

    report = check(Dense(), {"x": np.ones((4, 3))})
    assert report.verdict is Verdict.DISAGREES
    assert {f.code for f in report.findings} <= {"gradient-type", "gradient-count", "gradient-shape"}
