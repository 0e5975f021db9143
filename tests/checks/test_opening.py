import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.reading import subject_of
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.opening import Opening, isolation, open_check
from gradcheck.checks.outcome import Outcome, Plan
from gradcheck.errors import LayerFailed
from gradcheck.verdict import Severity

RNG = np.random.default_rng(25)
X = RNG.standard_normal((3, 4))
square = (lambda x: x * x, lambda g, x: 2 * g * x)


class Dropout:
    """Draws another mask at every call."""

    def forward(self, x):
        self.mask = np.random.default_rng().random(x.shape) < 0.5
        return x * self.mask

    def backward(self, grad_output, x):
        return grad_output * self.mask


class SeededDropout(Dropout):
    def forward(self, x):
        self.mask = np.random.default_rng(1).random(x.shape) < 0.5
        return x * self.mask


class GlobalDropout(Dropout):
    def forward(self, x):
        self.mask = np.random.random(x.shape) < 0.5  # noqa: NPY002 - drawn from the global state, as many layers do
        return x * self.mask


@pytest.mark.parametrize("effort", ["quick", "normal", "thorough"])
@pytest.mark.parametrize("layer", [Dropout(), GlobalDropout()], ids=lambda layer: type(layer).__name__)
def test_a_random_forward_is_inconclusive_with_the_reason(layer, effort):
    report = check(layer, {"x": X}, effort=effort)
    assert (report.verdict, report.reason) == (Verdict.INCONCLUSIVE, "random-forward")
    (finding,) = report.findings
    assert (finding.code, finding.severity) == ("random-forward", Severity.WARNING)
    assert finding.sentence == (
        "forward returns different outputs for the same inputs; fix its random state to have it judged."
    )
    assert finding.evidence["apart in units of rounding"] > 1e6
    assert report.arguments["x"].sentence == "forward is random"


def test_a_seeded_forward_is_judged():
    assert check(SeededDropout(), {"x": X}).verdict is Verdict.AGREES


def test_sums_in_another_order_are_not_taken_for_randomness():
    rng = np.random.default_rng()

    def total(x):
        return np.sum(rng.permutation(x.ravel()))

    report = check((total, lambda g, x: np.full(x.shape, g)), {"x": RNG.standard_normal(200)})
    assert report.verdict is Verdict.AGREES


def opened(layer, inputs, **options):
    instrument = Instrument(subject_of(layer, inputs))
    return open_check(instrument, Plan(**options), np.random.default_rng(0)), instrument


def test_the_opening_leaves_only_what_is_claimed_under_test():
    layer = (lambda x, w: x * w, lambda g, x, w: (g * w, None))
    opening, instrument = opened(layer, {"x": X, "w": X})
    assert isinstance(opening, Opening)
    assert instrument.subject.wrt == ("x",)
    assert [f.code for f in opening.findings] == ["gradient-unclaimed"]


def test_what_is_no_set_of_gradients_ends_the_check():
    outcome, _ = opened((lambda x: x, lambda g, x: (g, g)), {"x": X})
    assert isinstance(outcome, Outcome)
    assert [f.code for f in outcome.findings] == ["gradient-count"]
    assert outcome.points == ("the given point",)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_low_precision_is_judged_in_float64_where_the_layer_runs_so(dtype):
    opening, instrument = opened(square, {"x": X.astype(dtype)})
    assert (opening.low is not None) is (dtype != "f8")
    assert instrument.subject.inputs["x"].dtype == np.float64
    assert opening.original["x"].dtype == dtype
    assert np.array_equal(instrument.subject.inputs["x"], X.astype(dtype))


def test_a_half_precision_layer_that_sums_in_float32_is_judged_there():
    layer = (
        lambda x: (np.float32(x) ** 2 / 3).astype(x.dtype),
        lambda g, x: (2 * np.float32(g) * np.float32(x) / 3).astype(x.dtype),
    )
    opening, instrument = opened(layer, {"x": X.astype("f2")})
    assert opening.low is not None
    assert opening.place.work == np.float32
    assert instrument.subject.inputs["x"].dtype == np.float64


def test_a_layer_that_stays_in_float32_is_judged_there():
    opening, instrument = opened(
        (lambda x: np.float32(x) ** 2, lambda g, x: 2 * g * np.float32(x)), {"x": np.float32(X)}
    )
    assert not opening.low
    assert instrument.subject.inputs["x"].dtype == np.float32


def test_isolation_is_said_only_where_it_is_missing():
    subject = subject_of(square, {"x": X})
    assert isolation(subject) == ()

    class Unique:
        forward = staticmethod(square[0])
        backward = staticmethod(square[1])

        def __deepcopy__(self, memo):
            raise TypeError

    (finding,) = isolation(subject_of(Unique(), {"x": X}))
    assert (finding.code, finding.severity) == ("state-not-isolated", Severity.WARNING)


NOWHERE_FINITE = {
    "outside its domain": ((lambda x: np.log(-np.abs(x)), lambda g, x: g / x), {"x": X}),
    "a constant of NaN": ((lambda x, c: x * c, lambda g, x, c: (g * c, None)), {"x": X, "c": np.nan * X}),
    "overflow": ((lambda x: np.exp(1e4 + x), lambda g, x: g * np.exp(1e4 + x)), {"x": X}),
}


@pytest.mark.parametrize("effort", ["quick", "normal"])
@pytest.mark.parametrize(("layer", "inputs"), NOWHERE_FINITE.values(), ids=NOWHERE_FINITE)
def test_a_forward_that_is_nowhere_finite_is_inconclusive_with_the_reason(layer, inputs, effort):
    report = check(layer, inputs, effort=effort)
    assert (report.verdict, report.reason) == (Verdict.INCONCLUSIVE, "forward-nonfinite")
    assert report.sentence == "no output of forward is finite at the given point; give another one."
    assert "no output of forward is finite" in " ".join(str(report).split())


def test_outputs_that_are_not_finite_are_left_out():
    inputs = {"x": np.array([1.0, -1.0, 2.0, 3.0])}
    right = check((np.log, lambda g, x: g / x), inputs)
    wrong = check((np.log, lambda g, x: 2 * g / x), inputs)
    assert (right.verdict, wrong.verdict) == (Verdict.AGREES, Verdict.DISAGREES)


class Tires:
    """Works for some calls and then does something else; the count is shared by all copies."""

    def __init__(self, calls, then):
        self.left = [calls]
        self.then = then

    def __deepcopy__(self, memo):
        return self

    def __call__(self, value):
        self.left[0] -= 1
        return value if self.left[0] >= 0 else self.then(value)


def refuse(value):
    raise RuntimeError("tired")


def test_a_forward_that_raises_the_second_time_is_told_in_its_own_words():
    tires = Tires(1, refuse)
    with pytest.raises(LayerFailed, match="forward raised RuntimeError: tired"):
        check((lambda x: tires(x * x), lambda g, x: 2 * g * x), {"x": X})


class DrawsItsWeights:
    """Draws its parameters in the first call, from the global state."""

    def __init__(self):
        self.weight = None

    def forward(self, x):
        if self.weight is None:
            self.weight = np.random.standard_normal((x.shape[-1], 2))  # noqa: NPY002 - as many layers do
        return x @ self.weight

    def backward(self, grad_output, x):
        return grad_output @ self.weight.T


def test_a_layer_that_draws_its_parameters_in_each_instance_is_not_accused():
    report = check(DrawsItsWeights(), {"x": X})
    assert (report.verdict, report.reason) == (Verdict.INCONCLUSIVE, "random-forward")
    assert report.sentence.startswith("forward on a fresh instance returns different outputs for the same inputs")
    assert check(DrawsItsWeights(), {"x": X}, factory=prepared).verdict is Verdict.AGREES


def prepared():
    layer = DrawsItsWeights()
    layer.weight = np.arange(2.0 * X.shape[-1]).reshape(-1, 2)
    return layer


@pytest.mark.parametrize("forward", [np.log, lambda x: np.where(x > 0, np.log(x), np.nan)], ids=["infinite", "nan"])
def test_a_gradient_that_is_not_finite_where_forward_is_not_either_is_no_disagreement(forward):
    report = check((forward, lambda g, x: g / x), {"x": np.array([0.0, 1.0, 2.0])})
    assert (report.verdict, report.reason) == (Verdict.INCONCLUSIVE, "forward-nonfinite")
    assert report.sentence == (
        "1 of forward's 3 outputs are not finite at the given point, and neither is the gradient of `x`; "
        "give another point."
    )


@pytest.mark.parametrize("then", [lambda y: y[:1], lambda y: y * np.nan], ids=["shape", "nan"])
def test_a_forward_that_answers_a_second_call_otherwise_is_random(then):
    tires = Tires(1, then)
    report = check((lambda x: tires(x * x), lambda g, x: 2 * g * x), {"x": X})
    assert (report.verdict, report.reason) == (Verdict.INCONCLUSIVE, "random-forward")


def test_a_later_answer_that_is_no_set_of_gradients_is_a_finding():
    tires = Tires(3, lambda gradient: (gradient, gradient))
    report = check((lambda x: x * x, lambda g, x: tires(2 * g * x)), {"x": X})
    assert report.verdict is Verdict.DISAGREES
    assert [f.code for f in report.findings] == ["gradient-count"]


def test_a_backward_that_raises_later_on_is_the_layers_failure():
    tires = Tires(2, refuse)
    with pytest.raises(LayerFailed, match="backward raised RuntimeError: tired"):
        check((lambda x: x * x, lambda g, x: tires(2 * g * x)), {"x": X})
