"""What an implementation's numbers are called: bit-exact, ulps, reciprocal, wrong; and which mistake they are."""

from dataclasses import replace

import numpy as np
import pytest

from gradcheck.oracle.case import Case
from gradcheck.oracle.drivers.ours import open_device
from gradcheck.oracle.exact import case_of, recipes
from gradcheck.oracle.judging import judge, ulps_apart

OURS = open_device("")


@pytest.fixture(scope="module")
def cases():
    wanted = {
        "conv2d/plain",
        "conv2d/padding-asymmetric",
        "max_pool2d/ties-of-equals",
        "avg_pool2d/overlap",
        "relu/plain-kinks",
    }
    return {recipe.name: case_of(recipe) for recipe in recipes() if recipe.name in wanted}


def ours(case, dtype="float32"):
    vector = case.vector(dtype)
    output, gradients = OURS(case.operation, case.hyperparameters, vector.inputs, vector.grad_output)
    return np.array(output), {name: np.array(value) for name, value in gradients.items()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "name",
    [
        "conv2d/plain",
        "conv2d/padding-asymmetric",
        "max_pool2d/ties-of-equals",
        "avg_pool2d/overlap",
        "relu/plain-kinks",
    ],
)
def test_our_layers_are_bit_exact(cases, name, dtype):
    outcome = judge(cases[name], dtype, *ours(cases[name], dtype))
    assert (outcome.status, outcome.sentence, outcome.flags) == ("bit-exact", "", ())


def test_a_wrong_number_is_named_with_its_place(cases):
    case = cases["conv2d/plain"]
    output, gradients = ours(case)
    gradients["weight"][1, 0, 2, 1] += 1
    outcome = judge(case, "float32", output, gradients)
    assert outcome.status == "wrong"
    assert outcome.sentence.startswith("grad_weight[1, 0, 2, 1] must be ")


def test_a_known_mistake_is_recognised_by_its_numbers(cases):
    case = cases["conv2d/padding-asymmetric"]
    vector = case.vector("float64")
    swapped = {**case.hyperparameters, "padding": [pair[::-1] for pair in case.hyperparameters["padding"]]}
    output, gradients = OURS(case.operation, swapped, vector.inputs, vector.grad_output)
    outcome = judge(case, "float64", output, gradients)
    assert outcome.status == "wrong"
    assert "padding-sides-exchanged" in outcome.flags


def test_rounding_of_a_transform_counts_as_ulps(cases):
    case = cases["conv2d/plain"]
    output, gradients = ours(case)
    outcome = judge(case, "float32", output * np.float32(1 + 2**-22), gradients)
    assert outcome.status == "ulps"
    assert 0 < outcome.ulps < 8


def test_multiplying_by_a_reciprocal_counts_as_such(cases):
    case = cases["avg_pool2d/overlap"]
    x = case.vector("float32").inputs["input"]
    rows, cols = case.hyperparameters["kernel_size"]
    sums = np.lib.stride_tricks.sliding_window_view(x, (rows, cols), axis=(2, 3)).sum(axis=(4, 5))
    output = sums * np.float32(1 / np.float32(rows * cols))
    _, gradients = ours(case)
    status = judge(case, "float32", np.nextafter(output, np.float32(np.inf)), gradients).status
    assert status in ("reciprocal", "bit-exact")
    assert judge(case, "float32", output + 1, gradients).status == "wrong"


@pytest.mark.parametrize(("share", "status"), [(0.5, "bit-exact"), (0.25, "bit-exact"), (1.5, "wrong")])
def test_a_tie_may_be_split_in_any_way_that_sums_to_one(cases, share, status):
    case = cases["max_pool2d/ties-of-equals"]
    output, _ = ours(case)
    vector = case.vector("float32")
    gradient = np.zeros(vector.inputs["input"].shape, np.float32)
    flat, errors = gradient.reshape(*gradient.shape[:2], -1), vector.grad_output
    for n, c, i, j in np.ndindex(errors.shape):
        winners = [place for place in case.winners[n, c, i, j] if place >= 0]
        flat[n, c, winners[0]] += share * errors[n, c, i, j]
        flat[n, c, winners[1]] += (1 - share) * errors[n, c, i, j]
    assert judge(case, "float32", output, {"input": gradient}).status == status


@pytest.mark.parametrize(
    ("slope", "status"), [(0.0, "bit-exact"), (0.5, "bit-exact"), (1.0, "bit-exact"), (2.0, "wrong")]
)
def test_a_gradient_at_a_kink_lies_between_the_sides(cases, slope, status):
    case = cases["relu/plain-kinks"]
    vector = case.vector("float32")
    output, gradients = ours(case)
    at_kink = vector.inputs["input"] == 0
    gradients["input"][at_kink] = slope * vector.grad_output[at_kink]
    assert judge(case, "float32", output, gradients).status == status


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda o, g: (o[..., :-1], g), "output must have the shape"),
        (lambda o, g: (o.astype("float64"), g), "output must be float32; it is float64"),
        (lambda o, g: (o, {name: value for name, value in g.items() if name != "weight"}), "there is no grad_weight"),
        (lambda o, g: (np.where(o == o.flat[0], np.nan, o).astype("float32"), g), "it is nan"),
    ],
    ids=["shape", "dtype", "missing", "nan"],
)
def test_what_is_no_result_is_wrong(cases, change, words):
    case = cases["conv2d/plain"]
    outcome = judge(case, "float32", *change(*ours(case)))
    assert outcome.status == "wrong"
    assert words in outcome.sentence


ROUNDED = Case(
    name="sigmoid/two",
    operation="sigmoid",
    hyperparameters={},
    result="rounded",
    flags=(),
    dtypes=("float32",),
    arguments=("input",),
    tensors={
        "inputs/input": np.array([0, 1], np.int8),
        "grad_output": np.array([1, 1], np.int8),
        "output/float32": np.array([0.5, 0.7310586], np.float32),
        "gradients/input/float32": np.array([0.25, 0.19661194], np.float32),
    },
)


@pytest.mark.parametrize(
    ("ulps", "limit", "status"), [(0, None, "bit-exact"), (1, None, "ulps"), (3, 2.0, "wrong"), (5000, None, "wrong")]
)
def test_rounded_numbers_are_counted_in_ulps(ulps, limit, status):
    vector = ROUNDED.vector("float32")
    output = vector.output + np.array([0, ulps], np.float32) * np.spacing(vector.output)
    outcome = judge(ROUNDED, "float32", output, vector.gradients, limit=limit)
    assert outcome.status == status
    assert outcome.ulps == ulps


def test_a_missing_dtype_is_refused():
    with pytest.raises(ValueError, match="must be one that the case sigmoid/two exists in, float32"):
        judge(ROUNDED, "float16", 0, {})
    assert replace(ROUNDED, dtypes=("float16",)).dtypes == ("float16",)


def test_ulps_of_nan_are_infinite_unless_nan_is_due():
    got, due = np.array([np.nan, np.nan, 1.0]), np.array([1.0, np.nan, np.inf])
    np.testing.assert_array_equal(ulps_apart(got, due), [np.inf, 0.0, np.inf])
