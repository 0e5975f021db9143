import numpy as np
import pytest

from gradcheck.verdict import Severity


class Sine:
    """A right layer; the others spoil its backward."""

    def forward(self, x):
        return np.sin(x)

    def backward(self, g, x):
        return g * np.cos(x)


class Accumulates(Sine):
    total = 0.0

    def backward(self, g, x):
        self.total = self.total + g * np.cos(x)
        return self.total


class Decays(Sine):
    scale = 1.0

    def backward(self, g, x):
        self.scale *= 0.5
        return 2 * self.scale * g * np.cos(x)


class KeepsTheFirst(Sine):
    kept = None

    def forward(self, x):
        self.kept = x.copy() if self.kept is None else self.kept
        return np.sin(x)

    def backward(self, g, x):
        return g * np.cos(x if self.kept is None or self.kept.shape != x.shape else self.kept)


class KeepsTheFirstOfAnySize(Sine):
    kept = None

    def forward(self, x):
        self.kept = x.copy() if self.kept is None else self.kept
        return np.sin(x)

    def backward(self, g, x):
        return g * np.cos(x if self.kept is None else self.kept)[: len(x), :]


class KeepsTheFirstOfItsSize(KeepsTheFirstOfAnySize):
    def backward(self, g, x):
        if self.kept is not None and self.kept.shape != x.shape:
            raise ValueError("another size")
        return super().backward(g, x)


class KeyedByShape(Sine):
    def __init__(self):
        self.slopes = {}

    def forward(self, x):
        self.slopes[x.shape] = np.cos(x)
        return np.sin(x)

    def backward(self, g, x):
        return g * self.slopes.get(x.shape, np.cos(x))


class MemoisedByShape(Sine):
    def __init__(self):
        self.slopes = {}

    def backward(self, g, x):
        return g * self.slopes.setdefault(x.shape, np.cos(x))


class KeepsTheFirstGradOutput(Sine):
    kept = None

    def backward(self, g, x):
        self.kept = g.copy() if self.kept is None or self.kept.shape != g.shape else self.kept
        return self.kept * np.cos(x)


class KeyedByValue(Sine):
    def __init__(self):
        self.slopes = {}

    def forward(self, x):
        self.slopes[x.tobytes()] = np.cos(x)
        return np.sin(x)

    def backward(self, g, x):
        return g * self.slopes.get(x.tobytes(), np.cos(x))


class LastForward(Sine):
    """Refers to the last forward and cannot do without it."""

    slope = None

    def forward(self, x):
        self.slope = np.cos(x)
        return np.sin(x)

    def backward(self, g, x):
        return g * self.slope


class OnceOnly(LastForward):
    def backward(self, g, x):
        slope, self.slope = self.slope, None
        return g * slope


class OneBuffer(Sine):
    buffer = None

    def backward(self, g, x):
        if self.buffer is None or self.buffer.shape != x.shape:
            self.buffer = np.empty_like(x)
        return np.multiply(g, np.cos(x), out=self.buffer)


class OneOutput(Sine):
    """Writes what forward returns into one array for each shape."""

    def __init__(self):
        self.buffers = {}

    def forward(self, x):
        return np.sin(x, out=self.buffers.setdefault(x.shape, np.empty(x.shape, x.dtype)))


class RefusesASecondCall(Sine):
    done = False

    def backward(self, g, x):
        if self.done:
            raise RuntimeError("freed already")
        self.done = True
        return g * np.cos(x)


class Remembers(Sine):
    shift = None

    def forward(self, x):
        if self.shift is None:
            self.shift = float(x.mean())
        return np.sin(x) + self.shift


class TwoNorms(Sine):
    """Updates a running mean that the output does not use, and grows buffers on demand."""

    mean = 0.0

    def forward(self, x):
        self.mean = 0.9 * self.mean + 0.1 * x.mean(axis=0)
        return np.sin(x)


class Stateful:
    """Another convention: backward gets no inputs and the weight's gradient adds up in an attribute."""

    def __init__(self):
        self.weight = np.arange(1.0, 13.0).reshape(4, 3)
        self.grad_weight = np.zeros((4, 3))

    def forward(self, x):
        self.x = x
        return x @ self.weight

    def backward(self, grad_output):
        self.grad_weight += self.x.T @ grad_output
        return grad_output @ self.weight.T


ERRORS = {
    Accumulates: "accumulates",
    Decays: "changes-with-calls",
    KeepsTheFirst: "stale-state",
    KeyedByShape: "stale-state",
    MemoisedByShape: "stale-state",
    KeepsTheFirstGradOutput: "stale-state",
    KeepsTheFirstOfAnySize: "stale-state",
    KeepsTheFirstOfItsSize: "stale-state",
}
WARNINGS = {
    OneBuffer: "result-overwritten",
    OneOutput: "output-overwritten",
    RefusesASecondCall: "repeat-refused",
    Remembers: "forward-remembers",
}


@pytest.mark.parametrize(("layer", "code"), ERRORS.items(), ids=[layer.__name__ for layer in ERRORS])
def test_catches_state_that_makes_the_gradient_wrong(look_at, x, layer, code):
    finding = look_at(layer(), x=x).by[code]
    assert finding.severity is Severity.ERROR
    assert finding.argument == "x"
    assert finding.evidence["bars"] > 7


@pytest.mark.parametrize(("layer", "code"), WARNINGS.items(), ids=WARNINGS.values())
def test_warns_of_state_that_is_no_wrong_gradient(look_at, x, layer, code):
    seen = look_at(layer(), x=x)
    assert seen.by[code].severity is Severity.WARNING
    assert {f.severity for f in seen.findings} == {Severity.WARNING}


@pytest.mark.parametrize("layer", [Sine, KeyedByValue, TwoNorms])
def test_accepts_state_that_is_kept_properly(look_at, x, layer):
    assert look_at(layer(), x=x).findings == []


@pytest.mark.parametrize("layer", [LastForward, OnceOnly])
def test_notes_that_backward_needs_the_last_forward_and_accuses_it_of_nothing(look_at, x, layer):
    seen = look_at(layer(), x=x)
    assert seen.codes == {"needs-forward"}
    assert seen.findings[0].severity is Severity.NOTE


def test_accepts_a_stateful_layer_whose_gradients_add_up_by_convention(look_at, x):
    assert look_at(Stateful(), x=x).findings == []


def test_catches_a_stateful_layer_that_keeps_its_first_input(look_at, x):
    class Keeps(Stateful):
        def forward(self, x):
            self.x = x if not hasattr(self, "x") or self.x.shape != x.shape else self.x
            return x @ self.weight

    assert look_at(Keeps(), x=x).by["stale-state"].argument == "weight"


def test_catches_a_nondeterministic_backward(look_at, x):
    rng = np.random.default_rng(0)
    seen = look_at((np.sin, lambda g, x: g * np.cos(x) * (1 + 1e-6 * rng.standard_normal(x.shape))), x=x)
    assert seen.by["nondeterministic"].severity is Severity.ERROR
    assert "in a second call on a fresh instance with the same arrays" in seen.by["nondeterministic"].sentence
    assert seen.codes == {"nondeterministic"}


def test_accepts_sums_in_random_order(look_at):
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((50, 8)), rng.standard_normal((8, 5))

    def backward(g, x, weight):
        order = rng.permutation(len(x))
        return g @ weight.T, x[order].T @ g[order]

    assert look_at((np.matmul, backward), x=x, weight=weight).findings == []


def test_accepts_a_constant_that_is_returned_again_and_again(look_at, x):
    zeros = np.zeros((3, 4))
    assert look_at((np.floor, lambda g, x: zeros if x.shape == zeros.shape else np.zeros_like(x)), x=x).findings == []


def test_says_when_the_state_was_stale(look_at, x):
    sentence = look_at(KeyedByShape(), x=x).by["stale-state"].sentence
    assert sentence.endswith("after forward at other inputs, though these are handed over again.")
    sentence = look_at(KeepsTheFirst(), x=x).by["stale-state"].sentence
    assert "other inputs" in sentence


def test_says_that_the_gradient_adds_up(look_at, x):
    sentence = look_at(Accumulates(), x=x).by["accumulates"].sentence
    assert sentence == (
        "The gradient of `x` adds up over calls: the second of two equal calls returns twice what the first does."
    )


def test_takes_nan_in_an_output_for_the_same_answer(look_at):
    def forward(x):
        with np.errstate(all="ignore"):
            return np.log(x)

    assert look_at((forward, lambda g, x: g / x), x=np.array([-1.0, 0.5, 2.0])).findings == []
