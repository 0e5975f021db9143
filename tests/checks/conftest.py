"""The contract's findings on one layer, by the judge's own road up to them."""

from types import SimpleNamespace

import numpy as np
import pytest

from gradcheck.adapters.reading import subject_of
from gradcheck.checks.adjoint import gather
from gradcheck.checks.claims import first_claim
from gradcheck.checks.contract import contract_findings
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import survey
from gradcheck.checks.probes import draw_cotangent
from gradcheck.verdict import Severity


def look_at(layer, *, budget=30, seed=0, overdrawn=(0, 0), **inputs):
    """Return the contract's findings on a layer (or a pair, or a Subject) and the calls that they took.

    The judgement before it took as many calls of forward and of backward beyond its own as are `overdrawn`.
    """
    rng = np.random.default_rng(seed)
    instrument = Instrument(subject_of(layer, inputs))
    place = survey(instrument, instrument.subject.inputs)
    first_claim(instrument, draw_cotangent(rng, place.form, np.isfinite(place.base)), place.inputs, place.form)
    evidence = gather(instrument, place, rng)
    spent = instrument.evaluations
    instrument.allowed, instrument.allowed_answers = spent.forward - overdrawn[0], spent.backward - overdrawn[1]
    with instrument.purpose("the contract"):
        findings = contract_findings(instrument, evidence, rng, budget=budget)
    spent = next((c for c in instrument.evaluations.spent if c.purpose == "the contract"), None)
    codes = {f.code for f in findings}
    wrong = [f for f in findings if f.severity is Severity.ERROR]
    by = {f.code: f for f in findings}
    return SimpleNamespace(findings=findings, codes=codes, spent=spent, wrong=wrong, by=by)


@pytest.fixture(name="look_at")
def _look_at():
    return look_at


@pytest.fixture(name="x")
def _x():
    return np.random.default_rng(3).standard_normal((3, 4))


@pytest.fixture(name="y")
def _y():
    return np.random.default_rng(4).standard_normal((3, 4))
