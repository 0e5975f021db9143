import warnings

import numpy as np
import pytest

from gradcheck import check
from gradcheck.adapters.reading import subject_of
from gradcheck.checks.instrument import (
    BORROWED,
    CONTRACT,
    MOST_WARNINGS,
    OPEN,
    Instrument,
    copied,
    same_claims,
    usable_gradient,
)
from gradcheck.checks.outputs import Form
from gradcheck.errors import LayerFailed
from gradcheck.verdict import Cost

X = np.random.default_rng(13).standard_normal((2, 3))
FORM = Form(((2, 3),), (np.dtype(np.float64),))
INPUTS = {"x": X}


def instrument_of(forward, backward=lambda g, x: g):
    return Instrument(subject_of((forward, backward), INPUTS))


def test_forward_works_on_copies_and_its_output_is_copied():
    kept = np.zeros((2, 3))

    def forward(x):
        x[...] = 0
        return kept

    (output,) = instrument_of(forward).outputs(INPUTS)
    assert X.any()
    assert not np.shares_memory(output, kept)


def test_backward_works_on_copies():
    cotangent = np.ones((2, 3))

    def backward(g, x):
        g[...] = x[...] = 0
        return g

    instrument_of(np.negative, backward).raw_backward((cotangent,), INPUTS)
    assert cotangent.all()
    assert X.all()


def test_calls_are_counted_by_purpose():
    instrument = instrument_of(lambda x: x * x)
    instrument.outputs(INPUTS)
    with instrument.purpose("the contract"):
        instrument.outputs(INPUTS)
        instrument.raw_backward((X,), INPUTS)
    instrument.run_forward(instrument.fresh(), INPUTS)
    spent = instrument.evaluations
    assert (spent.forward, spent.backward, spent.state_forward) == (2, 1, 1)
    assert spent.spent == (Cost("the gradient", 1, 0, 1), Cost("the contract", 1, 1, 0))


def test_what_is_taken_beyond_the_calls_allowed_is_known_to_the_contract(look_at):
    instrument = instrument_of(np.sin, lambda g, x: g * np.cos(x))
    assert instrument.overdrawn() == (0, 0)
    instrument.allowed, instrument.allowed_answers = 3, 2
    for forward, overdrawn in ((3, (0, 0)), (5, (5, 0))):
        instrument.count(forward=forward)
        assert instrument.overdrawn() == overdrawn
    instrument.count(backward=6)
    with instrument.purpose("explaining"):
        instrument.count(forward=9, backward=9)
    assert instrument.overdrawn() == (5, 4)
    with instrument.purpose(CONTRACT):
        instrument.count(forward=7, backward=1)
    assert instrument.overdrawn() == (12, 5)  # what it asked before counts as well
    instrument.allowed = instrument.allowed_answers = None
    layer = (np.sin, lambda g, x: g * np.cos(x))
    whole, less = look_at(layer, x=X).spent, look_at(layer, x=X, overdrawn=(20, 0)).spent
    assert whole.forward > 10 >= less.forward
    assert look_at(layer, x=X, overdrawn=(0, 20)).spent.backward <= 10 < whole.backward


def test_only_inside_may_open_questions_borrow():
    instrument = instrument_of(np.sin)
    instrument.allowed = 10
    before = instrument.left(settling=True)
    with instrument.borrowing(True):
        assert instrument.left(settling=True) == 10 + BORROWED > before
        assert instrument.left() == 10
    with instrument.borrowing(False):
        assert instrument.left(settling=True) == before == 10 + OPEN


def test_the_purpose_returns_after_an_exception():
    instrument = instrument_of(lambda x: 1 // 0)
    with pytest.raises(LayerFailed), instrument.purpose("the contract"):
        instrument.outputs(INPUTS)
    assert instrument.purpose_now == "the gradient"
    assert instrument.evaluations.spent == (Cost("the contract", 1, 0, 0),)


def test_a_layer_that_needs_a_forward_gets_one_at_the_same_inputs():
    class Keeps:
        def forward(self, x):
            self.x = x
            return x * x

        def backward(self, g, x):
            return 2 * g * self.x

    instrument = Instrument(subject_of(Keeps(), INPUTS))
    instrument.needs_forward = True
    claims = instrument.gradients(np.ones(6), {"x": X + 1}, FORM)
    assert np.array_equal(claims["x"], 2 * (X + 1))
    assert instrument.evaluations.state_forward == 1


REFUSED = {
    "raises": lambda x: 1 // 0,
    "another shape": lambda x: x[:1],
    "no numbers": lambda x: "abc",
    "complex": lambda x: x + 1j,
}


@pytest.mark.parametrize("forward", REFUSED.values(), ids=REFUSED)
def test_a_refused_evaluation_is_none(forward):
    assert instrument_of(forward).evaluate(INPUTS, FORM) is None


def test_an_evaluation_is_flat():
    assert np.array_equal(instrument_of(lambda x: 2 * x).evaluate(INPUTS, FORM), 2 * X.ravel())


@pytest.mark.parametrize("forward", [lambda x: 1 // 0, np.real, lambda x: x[:1]], ids=["raises", "drops", "shape"])
def test_a_forward_that_carries_no_complex_numbers_is_none(forward):
    assert instrument_of(forward).evaluate_complex({"x": X + 1j}, FORM) is None


def test_complex_numbers_are_carried():
    found = instrument_of(lambda x: 2 * x).evaluate_complex({"x": X + 1j}, FORM)
    assert np.array_equal(found, 2 * X.ravel() + 2j)


def test_an_exception_of_the_layer_names_the_layer_the_stage_and_the_kind():
    def forward(x):
        raise KeyError("gone")

    with pytest.raises(LayerFailed, match=r"^forward's forward raised KeyError: 'gone'$") as caught:
        instrument_of(forward).outputs(INPUTS)
    assert caught.value.stage == "forward"
    assert __file__ in caught.value.traceback


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def leave(x):
    raise SystemExit(3)


def shout(x):
    raise ValueError("a" * 50_000)


def fall_silent(x):
    raise Unspeakable


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        (leave, "layer's forward raised SystemExit: it called sys.exit(3)"),
        (fall_silent, "layer's forward raised Unspeakable (which cannot be printed)"),
        (lambda x: next(iter(())), "layer's forward raised StopIteration"),
        (shout, f"layer's forward raised ValueError: {'a' * 1000} ... (50000 characters)"),
    ],
    ids=["exits", "cannot be printed", "stops an iteration", "much to say"],
)
def test_no_failure_of_the_layer_ends_the_check_or_leaves_no_words(forward, words):
    with pytest.raises(LayerFailed) as caught:
        check((forward, lambda g, x: g), {"x": np.ones(2)}, name="layer")
    assert str(caught.value) == words


def test_interrupts_are_not_taken_for_failures_of_the_layer():
    def forward(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        instrument_of(forward).outputs(INPUTS)


def test_warnings_are_collected_where_asked_once_each_and_never_many():
    def forward(x):
        for number in range(3 * MOST_WARNINGS):
            warnings.warn(f"number {number}", stacklevel=1)
            warnings.warn("again", stacklevel=1)
        return x

    instrument = instrument_of(forward)
    instrument.outputs(INPUTS)
    assert instrument.warnings == []
    instrument.outputs(INPUTS, collect=True)
    instrument.outputs(INPUTS, collect=True)
    assert instrument.warnings[:2] == ["forward: UserWarning: number 0", "forward: UserWarning: again"]
    assert len(instrument.warnings) == len(set(instrument.warnings)) <= MOST_WARNINGS


def test_copies_leave_constants_as_they_are():
    marker = object()
    found = copied({"x": X, "key": marker})
    assert found["key"] is marker
    assert not np.shares_memory(found["x"], X)


USABLE = {
    "array": (X, True),
    "list": (X.tolist(), True),
    "integers": (np.ones((2, 3), dtype=int), True),
    "booleans": (X > 0, True),
    "None": (None, False),
    "other shape": (X[:1], False),
    "objects": (np.full((2, 3), None), False),
    "complex": (X + 1j, False),
    "text": (np.full((2, 3), "a"), False),
    "ragged": ([[1.0], [2.0, 3.0]], False),
}


@pytest.mark.parametrize(("value", "usable"), USABLE.values(), ids=USABLE)
def test_tells_gradients_that_can_be_judged(value, usable):
    found = usable_gradient(value, X)
    assert (found is not None) is usable
    assert found is None or found.dtype == np.float64


SAME = {
    "equal": ({"x": X}, {"x": X.copy()}, True),
    "NaN": ({"x": X * np.nan}, {"x": X * np.nan}, True),
    "one ulp": ({"x": X}, {"x": np.nextafter(X, 9)}, False),
    "missing": ({"x": X}, {}, False),
    "both None": ({"x": None}, {}, True),
    "shape": ({"x": X}, {"x": X[:1]}, False),
    "objects": ({"x": np.array([None])}, {"x": np.array([None])}, False),
}


@pytest.mark.parametrize(("one", "other", "wanted"), SAME.values(), ids=SAME)
def test_answers_are_the_same_only_to_the_bit(one, other, wanted):
    assert same_claims(one, other) is wanted
