import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.reading import subject_of
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.opening import Opening, isolation, open_check
from gradcheck.checks.outcome import Outcome, Plan
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
    assert opening.low is (dtype != "f8")
    assert instrument.subject.inputs["x"].dtype == np.float64
    assert opening.original["x"].dtype == dtype
    assert np.array_equal(instrument.subject.inputs["x"], X.astype(dtype))


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
