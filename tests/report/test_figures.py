"""`Report.plot` with matplotlib, and what it says without."""

import io
import sys

import pytest

from gradcheck.errors import GradcheckError, MissingExtra


def test_plot_without_matplotlib_names_the_extra(disagreement, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r'needs pip install "gradcheck\[plot\]"'):
        disagreement.plot()


def test_plot_draws_claimed_measured_difference_and_step_curve(disagreement):
    pytest.importorskip("matplotlib")
    figure = disagreement.plot()
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["grad_weight, claimed", "grad_weight, measured", "|claimed - measured|", "error against step"]
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    assert drawn.getvalue().startswith(b"\x89PNG")


def test_plot_of_an_agreement_says_that_there_is_nothing_to_draw(agreement):
    pytest.importorskip("matplotlib")
    with pytest.raises(GradcheckError, match="needs an argument with a heat map or a step curve"):
        agreement.plot()
