"""What is rounded, cut or clipped: told apart from each other, and from what only looks like it."""

import numpy as np
import pytest

import gradcheck

RNG = np.random.default_rng(5)
X, W = RNG.standard_normal((5, 4)), RNG.standard_normal((4, 3))


@pytest.mark.parametrize("size", [1.0, 1e-3], ids=["of size one", "all below the grid's width"])
def test_what_is_cut_to_whole_numbers_is_told_so_even_where_nothing_is_left_of_it(size):
    layer = (lambda x: size * x**3, lambda g, x: np.trunc(size * g * 3 * x**2))
    found = gradcheck.check(layer, {"x": X}, points=[]).arguments["x"].diagnosis
    assert found.code == "integer-truncation"
    assert found.sentence == "every entry claimed is cut to whole numbers"
    assert "times as large, where it does not matter, the claim agrees" in found.evidence


BOUNDED = (
    (lambda gradient: np.clip(gradient, -0.5, 0.5), "every entry of the gradient is held within [-0.5, 0.5] (np.clip)"),
    (lambda gradient: np.minimum(gradient, 0.25), "every entry of the gradient is cut off above 0.25 (np.clip)"),
    (
        lambda gradient: gradient / max(1.0, np.linalg.norm(gradient)),
        "the gradient is brought down so that its length is 1",
    ),
)


@pytest.mark.parametrize(("bound", "sentence"), BOUNDED, ids=["both sides", "one side", "length"])
@pytest.mark.parametrize("factor", [1.0, -0.5], ids=["right but for it", "and wrong by a factor"])
def test_a_bound_on_the_gradient_is_told_and_never_a_rounding(bound, sentence, factor):
    layer = (lambda x: x**3, lambda g, x: bound(factor * g * 3 * x**2))
    found = gradcheck.check(layer, {"x": X}, points=[]).arguments["x"].diagnosis
    assert (found.code, found.alternatives[0]) == ("clipped", "not-linear")
    assert found.sentence.startswith(sentence)
    assert ("1/2 of what it should be" in found.sentence) == (factor != 1.0)


def test_a_bound_on_all_gradients_together_is_told():
    def backward(g, x, weight):
        both = g @ weight.T, x.T @ g
        length = np.sqrt(sum(np.sum(one**2) for one in both))
        return tuple(one / max(1.0, length) for one in both)

    report = gradcheck.check((np.matmul, backward), {"x": X, "weight": W}, points=[])
    sentences = {a.diagnosis.sentence for a in report.arguments.values()}
    assert sentences == {"the gradient is brought down so that the length of all gradients together is 1"}


def test_a_grid_of_fixed_width_is_not_taken_for_float16():
    layer = (lambda x: x**3, lambda g, x: np.round(g, 1) * 3 * x**2)
    found = gradcheck.check(layer, {"x": X}, points=[]).arguments["x"].diagnosis
    assert found.code == "not-linear"
