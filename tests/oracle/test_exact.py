"""The exact cases: a second source agrees on every number, sums are exact in any order, flags mean what they say."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from gradcheck.errors import InvalidInput
from gradcheck.oracle.exact import EXACT_UP_TO, MISTAKES, case_of, recipes
from gradcheck.oracle.flags import FLAGS
from gradcheck.oracle.mistakes import is_exposed
from gradcheck.oracle.operations import OPERATIONS, layer_of
from gradcheck.oracle.recipe import Cotangent
from gradcheck.oracle.ties import distance_to_valid
from tests.oracle.recomputed import recomputed

# Flags that every case of their operations carries, since no case can do without what they are about.
EVERYWHERE = {
    *("mask-of-errors", "positive-part-counted", "slope-without-error", "factor-two-misplaced"),
    *("target-gradient-unsigned", "statistics-held-constant", "epsilon-forgotten", "mean-taken-of-powers"),
}


def assert_recomputed(case):
    vector = case.vector("float64")
    expected = {
        "output": vector.output,
        **vector.gradients,
        "winners": case.winners,
        "split": vector.split.get("input"),
    }
    for results in recomputed(case):
        for name, result in results.items():
            if expected.get(name) is None:
                continue
            several = name in vector.lowest  # a second source may choose another side of a kink
            bounds = (vector.lowest[name], vector.highest[name]) if several else (expected[name],) * 2
            # Standardisation divides by a root: its reference rounds, but not by as much as half an integer.
            found = np.rint(result) if case.operation.endswith("_norm") else np.asarray(result)
            assert found.shape == bounds[0].shape, f"{case.name} {name}"
            assert np.all((bounds[0] <= found) & (found <= bounds[1])), f"{case.name} {name}"


def test_reference_recomputes_a_sample(sample):
    for case in sample:
        assert_recomputed(case)


@pytest.mark.slow
def test_reference_recomputes_every_exact_case(all_exact):
    for case in all_exact:
        assert_recomputed(case)


def assert_flags_say_which_mistakes_fail(cases):
    for case in cases:
        failed = {e.flag for e in MISTAKES if case.operation in e.operations and is_exposed(e.mistake, case)}
        assert failed == set(case.flags), case.name


def test_each_mistake_fails_the_cases_with_its_flag_and_only_such(sample):
    assert_flags_say_which_mistakes_fail(sample)


@pytest.mark.slow
def test_each_mistake_fails_all_cases_with_its_flag_and_only_such(all_exact):
    assert_flags_say_which_mistakes_fail(all_exact)


@pytest.mark.slow
def test_every_flag_is_carried_by_some_cases_of_its_operations_and_not_by_others(all_exact):
    for entry in MISTAKES:
        mine = [case for case in all_exact if case.operation in entry.operations]
        carried = Counter(entry.flag in case.flags for case in mine)
        assert carried[True], entry.flag
        assert carried[False] or entry.flag in EVERYWHERE, entry.flag


def test_flags_are_a_table_of_mistakes_with_a_sentence_each():
    assert {entry.flag for entry in MISTAKES} <= set(FLAGS)
    assert all(sentence and not sentence[0].isupper() and not sentence.endswith(".") for sentence in FLAGS.values())
    assert {operation for entry in MISTAKES for operation in entry.operations} <= set(OPERATIONS)


def layers_agree(case):
    layer, vector = layer_of(case), case.vector("float64")
    gradients = layer.backward(vector.grad_output, *vector.inputs.values())
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    return np.array_equal(layer.forward(*vector.inputs.values()), vector.output) and all(
        np.array_equal(one, other) for one, other in zip(gradients, vector.gradients.values(), strict=True)
    )


def test_no_right_layer_is_blamed(sample):
    assert all(layers_agree(case) for case in sample)


@pytest.mark.parametrize("dtype", EXACT_UP_TO)
def test_sums_are_exact_in_every_dtype_and_order(sample, dtype):
    """Convolutions as plain running sums in the dtype itself, their terms shuffled."""
    rng = np.random.default_rng(7)
    tried = 0
    for case in sample:
        if case.operation == "conv" and dtype in case.dtypes and not any(map(sum, case.hyperparameters["padding"])):
            vector = case.vector(dtype)
            x, w = vector.inputs["input"], vector.inputs["weight"]
            stride, dilation = case.hyperparameters["stride"], case.hyperparameters["dilation"]
            if case.hyperparameters["groups"] > 1 or case.hyperparameters["flip"]:
                continue
            for n, k, *out in np.ndindex(vector.output.shape):
                places = [(c, *m) for c, *m in np.ndindex(w.shape[1:])]
                terms = [
                    w[(k, c, *m)]
                    * x[(n, c, *(i * s + t * d for i, s, t, d in zip(out, stride, m, dilation, strict=True)))]
                    for c, *m in places
                ]
                terms += [vector.inputs["bias"][k]] if "bias" in vector.inputs else []
                rng.shuffle(terms)
                total = np.zeros((), dtype)
                for term in terms:
                    total = np.asarray(total + term, dtype)
                assert total == vector.output[(n, k, *out)]
            tried += 1
    assert tried >= 1


def recipe(name):
    return next(each for each in recipes() if each.name == name)


def test_generator_refuses_sums_that_are_not_exact():
    large = recipe("linear/plain")
    large = replace(large, inputs={**large.inputs, "input": large.inputs["input"] * 2**20})
    with pytest.raises(InvalidInput, match=r"must add up to at most 2\^24; in linear/plain it is \d+"):
        case_of(large)


def test_generator_refuses_fractions():
    odd = replace(recipe("avg_pool1d/plain"), cotangent=Cotangent(3, multiple=1))
    with pytest.raises(InvalidInput, match="must be whole"):
        case_of(odd)


def test_generator_refuses_a_case_that_does_not_expose_what_it_is_for():
    tame = replace(recipe("conv1d/pointwise"), exposes=("kernel-not-rotated",))
    with pytest.raises(InvalidInput, match="conv1d/pointwise must expose kernel-not-rotated; that mistake does not ch"):
        case_of(tame)


TIES = [
    ("first", [[5, 0, 0]], 0),
    ("split", [[2.5, 2.5, 0]], 0),
    ("uneven", [[1, 4, 0]], 0),
    ("all", [[5, 5, 0]], 5),
    ("negative weight", [[7, -2, 0]], 4),
    ("loser", [[0, 0, 5]], 10),
    ("not a number", [[np.nan, 5, 0]], np.inf),
]


@pytest.mark.parametrize(("gradient", "distance"), [t[1:] for t in TIES], ids=[t[0] for t in TIES])
def test_shares_of_one_window_are_valid_if_weights_are_no_less_than_zero_and_sum_to_one(gradient, distance):
    winners, error = np.array([[[[0, 1]]]]), np.array([[[5.0]]])
    assert distance_to_valid(winners, error, np.array([gradient], float)) == pytest.approx(distance, abs=1e-9)


@pytest.mark.parametrize(("gradient", "distance"), [([3, 4, 0], 0), ([3, 0, 4], 0), ([1, 4, 2], 0), ([4, 3, 0], 2)])
def test_windows_that_share_a_winner_are_judged_together(gradient, distance):
    """Entries 0 and 1 win the window with error 3, entries 1 and 2 the one with error 4."""
    winners, error = np.array([[[[0, 1], [1, 2]]]]), np.array([[[3.0, 4.0]]])
    assert distance_to_valid(winners, error, np.array([[gradient]], float)) == pytest.approx(distance, abs=1e-9)


def test_opposite_errors_at_a_shared_winner_may_cancel():
    winners, error = np.array([[[[0, 1], [1, 2]]]]), np.array([[[3.0, -3.0]]])
    assert distance_to_valid(winners, error, np.zeros((1, 1, 3))) == pytest.approx(0, abs=1e-9)
