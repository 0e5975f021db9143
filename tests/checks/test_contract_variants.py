"""Other ways of calling the same layer, as a framework has them: each answer is held to the plain call's."""

import numpy as np
import pytest

from gradcheck.subject import Passes, Subject, Variant
from gradcheck.verdict import Severity


def passes(forward=lambda v: v["x"] * v["y"], **changed):
    def backward(cotangents, v):
        return {"x": cotangents[0] * v["y"], "y": cotangents[0] * v["x"]} | changed

    return lambda: Passes(forward, backward)


def raising():
    raise RuntimeError("no graph")


@pytest.fixture
def subject(x, y):
    def subject_with(fresh, claims=("x",)):
        variant = Variant("when only `x` requires a gradient", fresh, claims)
        return Subject("product", {"x": x, "y": y}, passes(), ("x", "y"), variants=(variant,))

    return subject_with


def test_accepts_a_variant_that_answers_alike(look_at, subject, x, y):
    assert look_at(subject(passes(y=None)), x=x, y=y).codes == set()


VARIANTS = {
    "variant-wrong": (
        passes(x=0.0),
        Severity.ERROR,
        "The gradient of `x` has the shape () when only `x` requires a gr",
    ),
    "variant-forward": (passes(lambda v: v["x"]), Severity.WARNING, "forward returns other outputs when only `x`"),
    "variant-refused": (
        passes(lambda v: raising()),
        Severity.WARNING,
        "The layer raises when only `x` requires a gradient: product's forward raised RuntimeError: no graph",
    ),
}


@pytest.mark.parametrize(("code", "fresh", "severity", "words"), [(c, *row) for c, row in VARIANTS.items()])
def test_finds_a_variant_that_answers_otherwise(look_at, subject, code, fresh, severity, words, x, y):
    finding = look_at(subject(fresh), x=x, y=y).by[code]
    assert finding.severity is severity
    assert finding.sentence.startswith(words)


def test_says_where_a_variant_claims_nothing_or_something_else(look_at, subject, x, y):
    assert "`x` is missing when only" in look_at(subject(passes(x=None)), x=x, y=y).by["variant-wrong"].sentence
    assert "`x` is off by" in look_at(subject(passes(x=np.ones_like(x))), x=x, y=y).by["variant-wrong"].sentence


def test_compares_forward_alone_where_no_gradient_is_expected(look_at, subject, x, y):
    assert look_at(subject(passes(x=0.0), claims=()), x=x, y=y).codes == set()
