import numpy as np
import pytest

from gradcheck.checks.facts import facts_of
from gradcheck.checks.probes import Measured
from gradcheck.numdiff import long_ladder, records
from gradcheck.numdiff.directional import Line, differentiate


def measured(function, x, *, carries=True):
    line = Line(
        lambda h: function(x + h),
        function(x),
        np.full(x.shape, 1e-16),
        (lambda h: function(x + 1j * h)) if carries else None,
    )
    return Measured({"x": np.ones_like(x)}, differentiate(line))


FUNCTIONS = {
    "one that moves": (lambda z: z * z, False, 40),
    "one that stays": (lambda z: 0.0 * z + 1.0, True, 0),
    "one that moves in one place": (lambda z: np.where(np.arange(z.size) == 25, z, 1.0), False, 1),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("block", [10, 2**15])
def test_facts_are_those_of_all_outputs_whatever_the_blocks(monkeypatch, name, block):
    function, still, responding = FUNCTIONS[name]
    found = measured(function, np.linspace(1.0, 2.0, 40))
    monkeypatch.setattr(records, "BLOCK", block)
    facts = facts_of(found.derivative)
    assert (facts.anywhere, facts.still, facts.responding) == (True, still, responding)


def test_an_outline_tells_the_same_without_the_vectors(monkeypatch):
    monkeypatch.setattr(records, "BLOCK", 10)
    monkeypatch.setattr(long_ladder, "REMEMBERED", 0)
    found = measured(np.sin, np.linspace(0.1, 1.0, 40))
    outlined = found.outlined()
    assert outlined.facts == found.facts
    assert outlined.tangents == {}
    assert outlined.derivative.value.size == 0
    assert (outlined.derivative.step, outlined.derivative.rungs) == (found.derivative.step, found.derivative.rungs)
