"""A notebook's cells: layers defined in `__main__`, and a report that shows itself without loading anything."""

import re

import pytest

from gradcheck import Verdict

CELLS = (
    "import numpy as np\nimport gradcheck",
    """
class Scale:
    def __init__(self, factor):
        self.w = np.array([factor, 2.0, -1.0])

    def forward(self, x):
        self.x = x
        return x * self.w

    def backward(self, grad):
        self.dw = (grad * self.x).sum(0)
        return grad * self.w
""",
    """
def sine(x):
    return np.sin(x)

def sine_backward(grad, x):
    return grad * np.cos(x)

def case(x):
    return x**2, lambda grad: {"x": 2 * x * grad}
""",
    "inputs = {'x': np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])}",
)
WRONG = """
class Scale(Scale):
    def backward(self, grad):
        return super().backward(grad) * 2
"""


@pytest.fixture
def session():
    """What an interactive session keeps: one namespace called `__main__`, whose source is in no file."""
    namespace = {"__name__": "__main__"}

    def run(cell):
        exec(compile(cell, "<ipython-input>", "exec"), namespace)
        return namespace.get("_")

    for cell in CELLS:
        run(cell)
    return run


@pytest.mark.parametrize("layer", ["Scale(0.5)", "(sine, sine_backward)", "case", "[sine, sine_backward]"])
def test_a_layer_that_a_cell_defines_is_checked(session, layer):
    report = session(f"_ = gradcheck.check({layer}, inputs)")
    assert report.verdict is Verdict.AGREES, str(report)


def test_a_class_that_a_later_cell_defines_again_is_the_one_that_is_checked(session):
    session(WRONG)
    report = session("_ = gradcheck.check(Scale(0.5), inputs)")
    assert report.arguments["x"].verdict is Verdict.DISAGREES
    assert report.arguments["w"].verdict is Verdict.AGREES


def test_a_report_shows_itself_as_html_that_loads_nothing(session):
    session(WRONG)
    shown = session("_ = gradcheck.check(Scale(0.5), inputs)")._repr_html_()
    assert "DISAGREES" in shown
    assert not re.search(r"<(script|link|iframe|img|object)|url\(|@import|https?:|\son\w+=", shown)
