"""check() leaves nothing behind: the caller's object, arrays, random states, warnings; every call is counted."""

import random
import warnings

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.errors import LayerFailed
from gradcheck.verdict import Severity

X = np.random.default_rng(9).standard_normal((3, 4))
EFFORTS = ["quick", "normal", "thorough"]


class Careless:
    """Keeps state, works in place, and draws from the global random states; its gradient is right."""

    def __init__(self):
        self.calls = 0
        self.weight = np.ones((3, 4))

    def forward(self, x):
        self.calls += 1
        self.weight += 0.0 * np.random.random()  # noqa: NPY002 - the global state is the point
        random.random()
        output = x * x
        x[...] = 0
        return output

    def backward(self, grad_output, x):
        gradient = 2 * grad_output * x
        grad_output[...] = 0
        return gradient


class Raises(Careless):
    def backward(self, grad_output, x):
        super().backward(grad_output, x)
        raise ArithmeticError("not today")


class Unique(Careless):
    """Cannot be copied."""

    def __deepcopy__(self, memo):
        raise TypeError("one of a kind")


@pytest.fixture(name="states")
def _states():
    """Return what must be as before, as one comparable value."""

    def states():
        kind, keys, *rest = np.random.get_state()  # noqa: NPY002 - the global state is the point
        return random.getstate(), kind, keys.tolist(), rest

    return states


@pytest.mark.parametrize("effort", EFFORTS)
def test_leaves_the_callers_object_arrays_and_random_states_alone(effort, states):
    layer, x, before = Careless(), X.copy(), states()
    check(layer, {"x": x}, effort=effort)
    assert layer.calls == 0
    assert np.array_equal(x, X)
    assert states() == before


@pytest.mark.parametrize("effort", EFFORTS)
def test_leaves_everything_alone_when_the_layer_raises(effort, states):
    layer, x, before = Raises(), X.copy(), states()
    with pytest.raises(LayerFailed, match="backward raised ArithmeticError: not today") as caught:
        check(layer, {"x": x}, effort=effort)
    assert caught.value.stage == "backward"
    assert layer.calls == 0
    assert np.array_equal(x, X)
    assert states() == before


def test_leaves_the_callers_further_points_alone():
    point = X + 1
    check(Careless(), {"x": X}, points=[{"x": point}])
    assert np.array_equal(point, X + 1)


@pytest.mark.parametrize("effort", EFFORTS)
def test_a_layer_that_cannot_be_copied_is_said_to_share_its_state(effort):
    report = check(Unique(), {"x": X}, effort=effort)
    finding = report.findings[0]
    assert (finding.code, finding.severity) == ("state-not-isolated", Severity.WARNING)
    assert finding.sentence == (
        "The layer cannot be deep-copied, so every call went to this one object; pass factory= to have fresh ones."
    )


def test_a_factory_isolates_a_layer_that_cannot_be_copied():
    layer = Unique()
    report = check(layer, {"x": X}, factory=Unique)
    assert "state-not-isolated" not in [finding.code for finding in report.findings]
    assert layer.calls == 0


def test_shared_state_can_be_made_an_error():
    assert check(Unique(), {"x": X}, errors=["state-not-isolated"]).verdict is Verdict.DISAGREES


def test_a_factory_that_raises_is_the_layers_failure():
    def factory():
        raise OSError("no file")

    with pytest.raises(LayerFailed, match=r"factory raised OSError: no file") as caught:
        check(Careless(), {"x": X}, factory=factory)
    assert caught.value.stage == "factory"


class Warns:
    def forward(self, x):
        return np.log(x)

    def backward(self, grad_output, x):
        warnings.warn("mine", stacklevel=1)
        return grad_output / x


@pytest.mark.parametrize("effort", EFFORTS)
def test_warnings_of_the_layer_are_collected_and_none_leaks(effort):
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        report = check(Warns(), {"x": np.array([1.0, -1.0, 2.0])}, effort=effort)
    assert leaked == []
    assert "forward: RuntimeWarning: invalid value encountered in log" in report.warnings
    assert "backward: UserWarning: mine" in report.warnings


def test_a_quiet_layer_has_no_warnings():
    assert check(Warns(), {"x": np.array([1.0, 3.0, 2.0])}).warnings == ("backward: UserWarning: mine",)
    assert check((lambda x: x * x, lambda g, x: 2 * g * x), {"x": X}).warnings == ()


def test_the_floating_point_settings_of_the_caller_hold_inside_the_layer_and_afterwards():
    seen = []

    def forward(x):
        seen.append(np.geterr()["divide"])
        return x * x

    with np.errstate(divide="raise"):
        check((forward, lambda g, x: 2 * g * x), {"x": X}, effort="quick")
        assert np.geterr()["divide"] == "raise"
    assert set(seen) == {"raise"}


class Counted:
    """Counts its calls, of all its copies together."""

    def __init__(self, tally, factor):
        self.tally = tally
        self.factor = factor

    def __deepcopy__(self, memo):
        return type(self)(self.tally, self.factor)

    def forward(self, x):
        self.tally["forward"] += 1
        return np.tanh(x)

    def backward(self, grad_output, x):
        self.tally["backward"] += 1
        return self.factor * grad_output * (1 - np.tanh(x) ** 2)


class CountedState(Counted):
    def forward(self, x):
        self.x = x
        return super().forward(x)

    def backward(self, grad_output, x):
        self.tally["backward"] += 1
        return self.factor * grad_output * (1 - np.tanh(self.x) ** 2)


@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("factor", [1.0, 2.0], ids=["right", "wrong"])
@pytest.mark.parametrize("kind", [Counted, CountedState], ids=lambda kind: kind.__name__)
def test_evaluations_counted_are_the_calls_really_made(kind, factor, effort):
    tally = {"forward": 0, "backward": 0}
    spent = check(kind(tally, factor), {"x": X}, effort=effort).evaluations
    assert tally == {"forward": spent.forward + spent.state_forward, "backward": spent.backward}
    assert spent.forward == sum(cost.forward for cost in spent.spent)
    assert spent.backward == sum(cost.backward for cost in spent.spent)
    assert spent.state_forward == sum(cost.state_forward for cost in spent.spent)
