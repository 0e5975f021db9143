"""`Report.plot` with matplotlib, and what it says without."""

import io
import sys
from dataclasses import replace

import pytest

from gradcheck.errors import GradcheckError, MissingExtra
from gradcheck.verdict import StepCurve


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


def test_plot_leaves_out_what_has_no_place_on_its_axes(disagreement):
    pytest.importorskip("matplotlib")
    weight = disagreement.arguments["weight"]
    curve = StepCurve((0.5, 0.25), (0.0, 0.0), (float("nan"), 1e-12), 0.25)
    census = replace(weight.census, claimed_map=((0.0,),), measured_map=((float("nan"),),), heat_map=())
    report = replace(disagreement, arguments={"weight": replace(weight, census=census, step_curve=curve)})
    drawn = io.BytesIO()
    report.plot().savefig(drawn, format="png")
    assert drawn.getvalue().startswith(b"\x89PNG")


def test_plot_of_an_agreement_says_that_there_is_nothing_to_draw(agreement):
    pytest.importorskip("matplotlib")
    with pytest.raises(GradcheckError, match="needs an argument with a heat map or a step curve"):
        agreement.plot()
