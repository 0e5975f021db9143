"""Where calls do not suffice for every argument at a further point, what is likeliest to be wrong comes first."""

import numpy as np
import pytest

from gradcheck.adapters.reading import subject_of
from gradcheck.checks import points
from gradcheck.checks.adjoint import gather
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import survey

RNG = np.random.default_rng(28)
X = RNG.standard_normal(4)
NAMES = ("a", "b", "c")


def looked_at(unclaimed=None):
    """Return the hand on a sum of sines, and what was seen of it; nothing is claimed for one argument."""

    def backward(g, a, b, c):
        return {n: g * np.cos(x) * (n != unclaimed) for n, x in zip(NAMES, (a, b, c), strict=True)}

    layer = (lambda a, b, c: np.sin(a) + np.sin(b) + np.sin(c), backward)
    instrument = Instrument(subject_of(layer, {n: X + i for i, n in enumerate(NAMES)}))
    return instrument, gather(instrument, survey(instrument, instrument.subject.inputs), RNG)


@pytest.mark.parametrize("doubted", NAMES)
def test_what_is_doubted_comes_first(monkeypatch, doubted):
    seen = []

    def weighed(_instrument, _given, _seen, names, *, rng):
        seen.append(tuple(names))
        return points.PointRuling()

    monkeypatch.setattr(points, "_weighed", weighed)
    instrument, given = looked_at()
    points.judge_points(instrument, given, [("a point", given.place.inputs)], RNG, doubted=[doubted])
    assert seen == [(doubted, *(n for n in NAMES if n != doubted))]


@pytest.mark.parametrize("unclaimed", NAMES)
def test_what_claims_nothing_comes_first_where_calls_suffice_for_one(monkeypatch, unclaimed):
    seen = []

    def closer(instrument, evidence, names, _rng, *, given):
        seen.extend(names)
        instrument.count(forward=evidence.place.a_look)
        return {n: [] for n in names}

    monkeypatch.setattr(points, "_closer", closer)
    instrument, given = looked_at(unclaimed)
    instrument.allowed = instrument.evaluations.forward + given.place.a_look - instrument.open
    _, unseen = points._as_far_as_calls_reach(instrument, given, NAMES, RNG, given=given)
    assert seen == [unclaimed]
    assert sorted(unseen) == [n for n in NAMES if n != unclaimed]
