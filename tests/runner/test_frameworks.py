"""Targets on a tape of one's own: --wrap names the class, which must come from the very run of the target's file."""

import sys

import pytest

from gradcheck import Verdict, check
from gradcheck.errors import InvalidInput, InvalidLayer, TargetError
from gradcheck.runner.building import build
from gradcheck.runner.job import Job, command

FILE = """
class Value:
    def __init__(self, data, play=None):
        self.data, self.g, self.play = data, 0.0, play

    def __mul__(self, other):
        assert isinstance(other, Value)
        out = Value(self.data * other.data)

        def play():
            self.g = self.g + other.data * out.g
            other.g = other.g + self.data * out.g

        out.play = play
        return out

    def backward(self):
        self.g = 1.0
        self.play()


def product(a, b):
    return a * b


class Gain:
    def __init__(self, start):
        self.gain = Value(float(start))

    def __call__(self, a):
        return a * self.gain


class Empty:
    pass


pair = product
"""


@pytest.fixture
def target(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "tape_of_mine.py").write_text(FILE)
    return lambda name: f"{tmp_path / 'tape_of_mine.py'}:{name}"


@pytest.mark.parametrize(("name", "args"), [("product", {}), ("Gain", {"start": "3"})])
def test_a_function_or_a_constructed_object_is_read_by_its_tape(target, name, args):
    inputs = {"a": "()"} if args else {"a": "()", "b": "()"}
    subject = build(Job(target(name), inputs, args, wrap="Value", grad_attr="g")).subject
    assert subject.convention == "tape of Value"
    assert check(subject, effort="quick").verdict is Verdict.AGREES


REFUSED = {
    "a pair": ("product,pair", {"wrap": "Value"}, InvalidInput, "--wrap must go with one function or class, .* a pair"),
    "a misspelt class": ("product", {"wrap": "Vale"}, TargetError, "there is no 'Vale'; did you mean `Value`"),
    "nothing to call": ("Empty", {"wrap": "Value"}, InvalidLayer, "Empty has no forward"),
    "a class without --wrap": ("Gain", {"args": {"start": "3"}}, InvalidLayer, "Gain has no forward"),
}


@pytest.mark.parametrize(("name", "options", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_refuses_with_a_sentence(target, name, options, error, words):
    with pytest.raises(error, match=words):
        build(Job(target(name), {"a": "()", "b": "()"}, **options))


def test_the_replay_line_names_the_tape():
    line = command(Job("tape.py:f", {"a": "()"}, wrap="Value", grad_attr="g"))
    assert line == "gradcheck check tape.py:f --input 'a=()' --wrap Value --grad-attr g --seed 0"
