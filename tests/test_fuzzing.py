"""fuzz(): the smallest counterexample, found again by the same seed, and a tally of what was tried."""

import numpy as np
import pytest
from hypothesis import strategies as st

import gradcheck
from gradcheck.errors import InvalidInput
from gradcheck.fuzzing import search
from gradcheck.layers import Conv
from gradcheck.strategies import arrays
from gradcheck.verdict import Verdict


def averaged(grad_output, x, w):
    return grad_output @ w.T, x.T @ grad_output / len(x)


class ForgetsPadding(Conv):
    def backward(self, grad_output, x, w):
        grad_x, grad_w = super().backward(grad_output, x, w)
        return grad_x * (0 if self.padding and w.shape[3] > 1 else 1), grad_w


RIGHT = (lambda x, w: x @ w, lambda grad_output, x, w: (grad_output @ w.T, x.T @ grad_output))
WRONG = (lambda x, w: x @ w, averaged)
LETTERS = {"x": "NC", "w": "CK"}


@pytest.fixture(scope="module")
def padded():
    dims = {"H": range(1, 5), "W": range(1, 5), "R": (1, 2), "S": (1, 2), "K": (1, 2), "C": (1, 2)}
    return gradcheck.fuzz(
        ForgetsPadding, {"x": "NCHW", "w": "KCRS"}, dims=dims, args={"stride": (1, 2), "padding": (0, 1, 2)}
    )


def test_a_failure_is_shrunk_to_the_smallest_and_told_in_one_line(padded):
    assert padded.verdict is Verdict.DISAGREES
    assert padded.smallest.startswith("1x1x1x1 x, 1x1x1x2 w, stride=1, padding=1: grad_x[0, 0, 0, 0] claimed 0, is ")
    assert {name: padded.case[name] for name in ("N", "C", "K", "R", "S", "stride", "padding")} == {
        "N": 1, "C": 1, "K": 1, "R": 1, "S": 2, "stride": 1, "padding": 1,
    }  # fmt: skip


def test_the_whole_report_and_the_tally_come_with_it(padded):
    assert padded.report.verdict is Verdict.DISAGREES
    assert "smallest input that shows it" in str(padded)
    assert padded.tally["disagrees"] >= 1
    assert f"{padded.tally['agrees']} agrees" in str(padded)
    assert padded.tally["rejected"] > 0  # kernels that do not fit


def test_a_known_case_is_tried_first(padded):
    again = gradcheck.fuzz(
        ForgetsPadding, {"x": "NCHW", "w": "KCRS"}, args={"stride": (1,), "padding": (0, 1)}, known=[padded.case]
    )
    assert again.tally == {"disagrees": 1}
    assert again.case == padded.case


def test_a_right_layer_is_tried_as_often_as_asked():
    found = gradcheck.fuzz(RIGHT, LETTERS, max_examples=25)
    assert (found.verdict, found.report, found.case) == (Verdict.AGREES, None, None)
    assert str(found) == f"tried: {found.tally['agrees']} examples: {found.tally['agrees']} agrees"
    assert 20 <= found.tally["agrees"] <= 25


def test_the_same_seed_finds_the_same():
    found, again, other = (gradcheck.fuzz(WRONG, LETTERS, max_examples=20, seed=seed) for seed in (3, 3, 4))
    assert (found.case, found.tally, found.smallest) == (again.case, again.tally, again.smallest)
    assert found.tally != other.tally or found.case == other.case
    assert "grad_w[0, 0] claimed" in found.smallest


def test_arrays_may_be_drawn_by_strategies():
    shapes = {"x": arrays((2, 2), values="integers"), "w": "2,K"}
    found = gradcheck.fuzz(WRONG, shapes, max_examples=20)
    assert found.verdict is Verdict.DISAGREES
    assert isinstance(found.case["x"], np.ndarray)


def test_what_a_layer_refuses_counts_apart_and_refusals_alone_decide_nothing():
    def refuse(x):
        raise ValueError("no")

    found = gradcheck.fuzz((refuse, lambda grad_output, x: grad_output), {"x": "N"}, max_examples=5)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert set(found.tally) == {"rejected"}


def test_what_numpy_raises_inside_a_layer_is_a_failure_and_not_a_refusal():
    def breaks(x):
        return x + np.zeros(3) if len(x) > 2 and len(x) != 3 else x

    found = gradcheck.fuzz((breaks, lambda grad_output, x: grad_output), {"x": "N"}, max_examples=30)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert set(found.tally) == {"agrees", "raised"}
    assert found.case["N"] == 4
    assert found.smallest.startswith("N=4: breaks's forward raised ValueError: operands could not be broadcast")


def test_a_constructor_may_refuse_hyperparameters_too():
    def make(factor):
        assert factor % 2 == 0, "factor must be even"
        return (lambda x: factor * x, lambda grad_output, x: factor * grad_output)

    found = gradcheck.fuzz(make, {"x": "N"}, args={"factor": [1, 2, 3]}, max_examples=20)
    assert found.verdict is Verdict.AGREES
    assert set(found.tally) == {"agrees", "rejected"}


def test_a_search_ends_when_time_is_up_with_what_it_has():
    tried = []

    def attempt(case):
        tried.append(case["n"])
        return "disagrees" if case["n"] > 5 else "agrees"

    found = search({"n": range(100)}, attempt, stop=lambda: len(tried) > 2, max_examples=50)
    assert len(tried) == 3
    assert found.case in (None, *({"n": n} for n in tried if n > 5))
    assert search({"n": range(100)}, attempt).case == {"n": 6}


def test_a_search_does_not_slip_from_one_failure_to_another():
    def attempt(case):
        return "unlike" if case["n"] > 20 else "disagrees" if case["n"] > 10 else "agrees"

    found = search({"n": st.integers(0, 1000)}, attempt, failing=("disagrees", "unlike"), known=[{"n": 900}])
    assert found.case == {"n": 900}
    found = search({"n": st.integers(0, 1000)}, attempt, failing=("disagrees", "unlike"))
    assert found.case in ({"n": 21}, {"n": 11})


@pytest.mark.parametrize(
    ("shapes", "options", "words"),
    [
        ({"x": "NC"}, {"dims": {"H": (1,)}}, r"`dims` must name letters of `shapes` \(N, C\); it names 'H'"),
        (
            {"x": "NC"},
            {"args": {"stride": ()}},
            "must give a sequence of values for each name; that of `stride`",
        ),
        ({"x": "nc"}, {}, "`x` must be a shape"),
    ],
)
def test_what_cannot_be_drawn_is_refused(shapes, options, words):
    with pytest.raises(InvalidInput, match=words):
        gradcheck.fuzz(RIGHT, shapes, **options)
