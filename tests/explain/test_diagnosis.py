"""Why a gradient is wrong: each mistake is proved and named; what nothing explains is said to be unexplained."""

import numpy as np
import pytest

import gradcheck
from gradcheck.explain import diagnosis
from gradcheck.faults.codes import CODES
from gradcheck.faults.records import point_of
from gradcheck.faults.zoo import FAULTS

BY_NAME = {fault.name: fault for fault in FAULTS}
# One seeded fault a family of hypotheses: name in the zoo, and the code that must come first or stand beside it.
NAMED = (
    "convolution/input/kernel-not-rotated",
    "convolution/input/kernel-flipped-along-one-axis",
    "convolution/input/channels-swapped",
    "convolution/input/groups-mixed",
    "convolution/input/groups-share-a-kernel",
    "convolution/input/shifted-by-a-row",
    "convolution/input/padding-not-cropped",
    "convolution/input/dilation-swapped",
    "convolution/input/overlap-overwritten",
    "convolution/weight/rotated-and-doubled",
    "convolution/weight/stride-ignored",
    "convolution/weight/divided-by-kernel-area",
    "convolution/bias/mean",
    "convolution/bias/not-summed-over-positions",
    "pooling/max/smallest-wins",
    "pooling/max/spread-evenly",
    "pooling/average/padding-counted-in-backward",
    "activations/relu/mask-inverted",
    "activations/leaky-relu/slope-on-the-wrong-side",
    "activations/sigmoid/at-the-output",
    "activations/sigmoid/at-the-input",
    "activations/swish/second-term-forgotten",
    "linear/input/weight-not-transposed",
    "linear/shared/one-use-counted",
    "linear/residual/skip-forgotten",
    "losses/mse/two-forgotten",
    "losses/cross-entropy/labels-off-by-one",
    "losses/cross-entropy/softmax-over-batch",
    "losses/cosine/projection-forgotten",
    "normalisation/batch/mean-path-missing",
    "normalisation/batch/variance-path-missing",
    "normalisation/batch/epsilon-forgotten",
    "normalisation/softmax/diagonal",
    "scaling/learning-rate",
    "scaling/zero",
    "scaling/equals-grad-output",
    "scaling/grad-output-ignored",
    "scaling/grad-output-summed",
    "scaling/grad-output-averaged",
    "scaling/same-for-both",
    "scaling/constant-added",
    "scaling/off-by-5e-4",
    "structures/embedding/repeated-ids-overwritten",
    "structures/reshape/other-order",
    "kinks/relu/claims-2-alone",
    "kinks/max-pool/all-winners",
    "kinks/max-pool/no-winner",
    "precision/double/in-single",
    "precision/double/truncated-to-integers",
    "manners/linear/squared",
    "states/calls/slightly-random",
    *(fault.name for fault in FAULTS if fault.group == "lookalikes"),
)


def diagnoses(name):
    fault = BY_NAME[name]
    report = gradcheck.check(fault.make(), dict(point_of(fault)))
    return fault.code, [a.diagnosis for a in report.arguments.values() if a.diagnosis is not None], report


@pytest.mark.parametrize("name", NAMED)
def test_diagnosis_names_the_class_of_a_seeded_fault(name):
    code, found, report = diagnoses(name)
    assert found, "no diagnosis"
    assert all(code in (d.code, *d.alternatives) for d in found)
    assert all(d.sentence and d.evidence for d in found)
    spent = next(cost for cost in report.evaluations.spent if cost.purpose == "explaining")
    assert spent.forward <= 200
    assert spent.backward <= 60


@pytest.mark.slow
def test_every_code_in_use_is_a_class_of_mistakes():
    used = set()
    for name in NAMED:
        for found in diagnoses(name)[1]:
            used |= {found.code, *found.alternatives}
    assert used <= set(CODES)


def test_at_least_thirty_hypotheses_are_tried():
    families = [
        family for row in (*diagnosis.FAMILIES, *diagnosis.WITH_THE_JACOBIAN, *diagnosis.LAST) for family in row
    ]
    assert len(families) >= 30
    assert len(set(families)) == len(families)


def checked(forward, backward, **inputs):
    report = gradcheck.check((forward, backward), inputs)
    return next(a for a in report.arguments.values() if a.verdict == "disagrees")


X = np.linspace(-1.9, 2.1, 12).reshape(4, 3) ** 3 / 3 + 0.1


def test_what_nothing_explains_is_said_to_be_unexplained():
    argument = checked(lambda x: np.exp(x).sum(axis=1), lambda g, x: g[:, None] * np.cos(3 * x) * x, x=X)
    assert argument.diagnosis is None
    assert argument.sentence == "no known mistake explains it"
    assert argument.census is not None


def test_two_and_the_batch_size_are_told_apart_on_another_batch():
    weight = np.array([[1.0, -2.0], [0.5, 3.0], [2.0, 1.0]])
    for wrong, code in ((len, "factor-1/N"), (lambda _x: 2, "factor-1/2")):
        found = checked(
            np.matmul,
            lambda g, x, weight, wrong=wrong: (g @ weight.T, x.T @ g / wrong(x)),
            x=X[:2],
            weight=weight,
        ).diagnosis
        assert (found.code, found.alternatives) == (code, ())


def test_what_cannot_be_told_apart_is_told_together():
    def backward(g, _x, _y):
        return g.copy(), g.copy()

    found = checked(np.subtract, backward, x=X, y=X[::-1].copy()).diagnosis
    assert {"sign", "equals-other-argument"} <= {found.code, *found.alternatives}


def test_a_rotated_kernel_comes_with_repair_equation_and_evidence():
    _, (found,), _ = diagnoses("convolution/weight/rotated")
    assert found.sentence == "the gradient is rotated by 180° (over axes 2 and 3)"
    assert found.repair == "grad_weight = grad_weight[:, :, ::-1, ::-1]"
    assert found.equation.startswith("Eqs. 13 and 14")
    assert found.evidence.startswith("taken back, the claim agrees: largest discrepancy 0.")
    assert found.evidence.endswith("bars over 16 fresh probes")


def test_channels_last_are_recognised():
    rng = np.random.default_rng(3)

    def forward(x, weight):
        rows, columns = x.shape[1] - 2, x.shape[2] - 1
        return sum(x[:, i : i + rows, j : j + columns] @ weight[i, j] for i in range(3) for j in range(2))

    def backward(g, x, weight):
        grad_x, grad_weight = np.zeros_like(x), np.zeros_like(weight)
        for i in range(3):
            for j in range(2):
                window = (slice(None), slice(i, i + g.shape[1]), slice(j, j + g.shape[2]))
                grad_x[window] += g @ weight[i, j].T
                grad_weight[i, j] = np.einsum("nhwc,nhwk->ck", x[window], g)
        return grad_x, grad_weight[::-1, ::-1].copy()

    found = checked(forward, backward, x=rng.standard_normal((2, 6, 5, 3)), weight=rng.standard_normal((3, 2, 3, 4)))
    assert found.diagnosis.code == "kernel-not-rotated"


def test_a_single_slope_is_no_proof_of_a_constant():
    assert checked(np.sin, lambda g, x: g * np.sin(x), x=np.array(0.7)).diagnosis is None


def test_a_constant_that_no_shape_suggests_is_told_as_such():
    found = checked(np.sin, lambda g, x: 1.7 * g * np.cos(x), x=X).diagnosis
    assert found.code == "factor"
    assert "a number that these shapes do not suggest" in found.sentence


def test_a_normalisation_is_blamed_over_all_of_its_axes():
    axes = (0, 2, 3)

    def forward(x):
        return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)

    def backward(g, x):
        y = forward(x)
        return (g - y * (g * y).mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)

    found = checked(forward, backward, x=np.random.default_rng(1).standard_normal((2, 3, 3, 2))).diagnosis
    assert found.code == "mean-path-missing"
    assert "over axes 0, 2 and 3" in found.sentence
