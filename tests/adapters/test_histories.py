"""Layers that keep the inputs of every forward since their last update: checked as after an update."""

import numpy as np

import gradcheck
from gradcheck.adapters.stateful import read_stateful
from gradcheck.verdict import Verdict

X = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]])


class Keeping:
    """Squares; backward pairs the gradients that it is handed with the inputs kept, the first with the first."""

    def __init__(self):
        self.seen, self.derived = [], {}

    def forward(self, x):
        self.seen.append(x)
        self.derived.setdefault("slope", []).append(2 * x)
        return x**2

    def backward(self, grad):
        found = [g * slope for g, slope in zip([grad], self.derived["slope"], strict=False)]
        return found[0] if len(self.seen) == 1 else found


class KeepingWrong(Keeping):
    def backward(self, grad):
        return 1.5 * np.asarray(super().backward(grad))


class Building:
    """Makes its parts in the first forward, and keeps them."""

    def __init__(self):
        self.parts = []

    def forward(self, x):
        if not self.parts:
            self.parts.extend([2.0, 3.0])
        self.x = x
        return self.parts[0] * self.parts[1] * x

    def backward(self, grad):
        return self.parts[0] * self.parts[1] * grad


class Stacking:
    """Puts what backward needs on a stack, from which backward takes it."""

    def __init__(self):
        self.stack = []

    def forward(self, x):
        self.stack.append(x)
        return x**2

    def backward(self, grad):
        return 2 * self.stack.pop() * grad


def test_accepts_a_layer_that_keeps_all_inputs_since_its_last_update():
    report = gradcheck.check(Keeping(), {"x": X})
    assert report.verdict is Verdict.AGREES
    assert not [one for one in report.findings if one.severity == "error"]
    assert "forward adds to `seen`, `derived.slope` from call to call: emptied before each call" in " ".join(
        read_stateful(Keeping(), {"x": X}).notes
    )


def test_catches_a_wrong_gradient_of_such_a_layer():
    assert gradcheck.check(KeepingWrong(), {"x": X}).verdict is Verdict.DISAGREES


def test_lists_that_are_built_once_stay_as_they_are():
    assert gradcheck.check(Building(), {"x": X}).verdict is Verdict.AGREES
    assert not [note for note in read_stateful(Building(), {"x": X}).notes if "emptied" in note]


def test_accepts_a_layer_with_a_stack():
    assert gradcheck.check(Stacking(), {"x": X}).verdict is Verdict.AGREES
