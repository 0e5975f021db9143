import zlib

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.checks.proving import BLUNT, DAMAGES

RNG = np.random.default_rng(20)
X = RNG.standard_normal((4, 6))
W = RNG.standard_normal((6, 3))
square = (lambda x: x * x, lambda g, x: 2 * g * x)
linear = (lambda x, w: x @ w, lambda g, x, w: (g @ w.T, x.T @ g))

EXACT = {
    "sign": ([[1.0, 2.0, 3.0]], [[-1.0, -2.0, -3.0]]),
    "one entry by 1 %": ([[1.0, 2.0, 300.0]], [[1.0, 2.02, 300.0]]),
    "one row zeroed": ([[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [3.0, 4.0]]),
    "shifted by one": ([[1.0, 2.0, 3.0]], [[3.0, 1.0, 2.0]]),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_what_its_name_says_and_leaves_the_claim_itself(name):
    before, after = (np.array(value) for value in EXACT[name])
    kept = before.copy()
    assert np.array_equal(DAMAGES[name](before), after)
    assert np.array_equal(before, kept)


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("shape", [(), (1,), (1, 1)], ids=str)
def test_each_damage_suits_a_single_number(name, shape):
    assert DAMAGES[name](np.ones(shape)).shape == shape


def outcomes(report, name="x"):
    return {d.damage: d.outcome for d in report.proof if d.argument == name}


def test_nothing_is_proved_unless_asked_for():
    assert check(square, {"x": X}).proof == ()


@pytest.mark.parametrize("effort", ["quick", "normal", "thorough"])
def test_every_damage_is_caught_on_a_smooth_layer(effort):
    assert outcomes(check(square, {"x": X}, prove=True, effort=effort)) == dict.fromkeys(DAMAGES, "caught")


def test_every_argument_is_damaged_and_the_verdict_stays():
    report = check(linear, {"x": X, "w": W}, prove=True)
    assert report.verdict is Verdict.AGREES
    assert outcomes(report, "x") == outcomes(report, "w") == dict.fromkeys(DAMAGES, "caught")
    assert all(damage.size > 0 for damage in report.proof)


@pytest.mark.parametrize("effort", ["quick", "normal"])
def test_every_argument_is_damaged_beside_the_others(effort):
    report = check(linear, {"x": X, "w": W}, prove=True, effort=effort)
    assert {(d.argument, d.outcome) for d in report.proof} == {("x", "caught"), ("w", "caught")}


def test_damage_is_done_elsewhere_where_it_changes_nothing_at_the_given_point():
    """|x| at 0 is claimed 0 throughout, which no damage changes."""
    report = check((np.abs, lambda g, x: g * np.sign(x)), {"x": np.zeros((3, 4))}, prove=True)
    assert outcomes(report) == dict.fromkeys(DAMAGES, "caught")


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("one entry by 1 %", [[0.0, 0.0, 0.0], [0.0, 2.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 2.02, 0.0]]),
        ("one row zeroed", [[0.0, 0.0], [3.0, 0.0], [5.0, 6.0]], [[0.0, 0.0], [0.0, 0.0], [5.0, 6.0]]),
    ],
)
def test_damage_is_done_where_there_is_something(name, before, after):
    assert np.array_equal(DAMAGES[name](np.array(before)), after)


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_leaves_zeros_and_nothing_alone(name):
    assert not DAMAGES[name](np.zeros((2, 3))).any()
    assert DAMAGES[name](np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("effort", ["quick", "normal"])
def test_proving_spends_no_call_of_the_layer(effort):
    plain, proved = (check(square, {"x": X}, prove=prove, effort=effort) for prove in (False, True))
    assert plain.evaluations == proved.evaluations


def test_damage_that_leaves_the_gradient_as_it_is_is_skipped_and_said():
    report = check((lambda x: x.sum(), lambda g, x: np.full(x.shape, g)), {"x": X}, prove=True)
    assert outcomes(report)["shifted by one"] == "skipped: it leaves this gradient as it is"
    assert outcomes(report)["sign"] == "caught"


def test_damage_below_the_stated_resolution_reads_not_seen_as_stated():
    def noisy(x):
        if np.iscomplexobj(x):
            raise TypeError
        return x + 1e-6 * np.random.default_rng(zlib.crc32(x.tobytes())).standard_normal(x.shape)

    report = check((noisy, lambda g, x: g), {"x": RNG.standard_normal((20, 50))}, prove=True, points=[])
    argument = report.arguments["x"]
    assert report.verdict is Verdict.AGREES
    assert argument.entry_resolution > 0.01
    assert outcomes(report)["one entry by 1 %"] == "not seen, as stated"
    assert outcomes(report)["sign"] == "caught"


def test_nothing_reads_missed_on_ordinary_layers():
    layers = [square, (np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2)), (lambda x: x.max(1), _of_maximum)]
    said = [d.outcome for layer in layers for d in check(layer, {"x": X}, prove=True).proof]
    assert len(said) == len(layers) * len(DAMAGES)
    assert "missed" not in said


def _of_maximum(g, x):
    return g[:, None] * (x == x.max(1, keepdims=True))


def test_the_proof_is_part_of_the_report():
    text = str(check(square, {"x": X}, prove=True))
    assert all(name in text for name in DAMAGES)


def test_what_many_probes_at_once_would_see_is_not_said_to_be_missed():
    """A forward that works in float16 is judged by many probes at once; damage is judged by those taken one by one."""
    x = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float16)
    layer = (lambda x: np.sin(x.astype(np.float16)), lambda g, x: (g * np.cos(x)).astype(np.float16))
    said = {d.outcome for seed in range(4) for d in check(layer, {"x": x}, prove=True, seed=seed).proof}
    assert "missed" not in said
    assert said <= {"caught", "not seen, as stated", BLUNT}
