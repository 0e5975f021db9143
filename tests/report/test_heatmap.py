"""Heat maps: what is shrunk, what is shaded, what is drawn."""

import math
import re
from dataclasses import replace

import pytest

from gradcheck.report.curve import svg_curve
from gradcheck.report.heatmap import shrink, svg_map, text_map
from gradcheck.report.paper import Paper
from gradcheck.verdict import Census, StepCurve


def census(rows):
    return Census(1, 100, True, 100, (), (), (), heat_map=rows)


def shades(rows, paper=None):
    return [line.strip() for line in text_map(census(rows), paper or Paper())[1:]]


def test_shrinking_keeps_the_largest_of_each_block():
    rows = [[0.0, -9.0, 1.0, 0.0, 5.0], [0.0, 0.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0, 7.0]]
    assert shrink(rows, 2, 3) == [[9.0, 2.0, 5.0], [0.0, 0.0, 7.0]]


def test_shrinking_never_hides_what_is_not_finite():
    (row,) = shrink([[1.0, math.nan, math.inf, 2.0]], 1, 2)
    assert math.isnan(row[0])
    assert row[1] == math.inf


def test_shades_stand_for_shares_of_the_largest():
    assert shades(((1.0, 0.5, 0.2, 0.05, 1e-3, 1e-5, 0.0),)) == ["████▓▓▒▒░░····"]
    assert shades(((1.0, 0.5, 0.2, 0.05, 1e-3, 1e-5, 0.0),), Paper(unicode=False)) == ["####**++::...."]


def test_what_is_not_finite_is_a_question_mark():
    assert shades(((math.nan, 0.0, math.inf),)) == ["??··??"]


def test_large_map_fits_the_terminal():
    rows = tuple(tuple(float(row == column) for column in range(64)) for row in range(64))
    lines = text_map(census(rows), Paper(40))
    assert max(map(len, lines)) <= 40
    assert len(lines) <= 19
    assert len(shades(rows)) == 16


@pytest.mark.parametrize("rows", [(), ((),), ((0.0, 0.0),)])
def test_map_with_nothing_wrong_is_left_out(rows):
    assert text_map(census(rows), Paper()) == []


def test_map_of_a_single_entry_is_left_out():
    assert text_map(replace(census(((1.0,),)), total=1), Paper()) == []


def test_picture_shows_sign_by_colour_and_says_values():
    picture = svg_map(((1.0, -0.5), (0.0, math.nan)), top=1.0, signed=True, tile=None, title="claimed <x>")
    assert 'fill="var(--warm)"' in picture
    assert 'fill="var(--cold)" fill-opacity="0.5"' in picture
    assert "<title>claimed &lt;x&gt;</title>" in picture
    assert "<title>-0.5</title>" in picture
    assert 'stroke="currentColor"' in picture  # the cross of what is not finite


def test_difference_is_shaded_by_decades():
    picture = svg_map(((1.0, 0.01, 1e-9),), top=1.0, signed=False, tile=None, title="")
    assert re.findall(r'warm\)"(?: fill-opacity="([^"]*)")?', picture) == ["", "0.5"]


def test_tiles_stand_apart():
    whole = svg_map(((1.0,) * 4,), top=1.0, signed=True, tile=None, title="")
    tiled = svg_map(((1.0,) * 4,), top=1.0, signed=True, tile=(1, 2), title="")
    assert 'viewBox="0 0 4 1"' in whole
    assert 'viewBox="0 0 4.35 1"' in tiled


def test_picture_of_the_largest_map_stays_small():
    rows = tuple(tuple(math.sin(row * column) for column in range(64)) for row in range(64))
    assert len(svg_map(rows, top=1.0, signed=True, tile=None, title="")) < 200_000


def test_curve_draws_both_branches_and_the_chosen_step():
    picture = svg_curve(StepCurve((0.5, 0.25, 0.125), (1e-4, 1e-6, 0.0), (1e-12, 2e-12, math.nan), 0.125))
    assert picture.count("<polyline") == 2
    assert "chosen step 0.12" in picture
    points = re.findall(r'points="([^"]*)"', picture)
    assert [len(row.split()) for row in points] == [2, 2]  # zeros and NaN have no place on a logarithmic axis


@pytest.mark.parametrize("error", [9.9e307, 5e-324])
def test_curve_draws_the_largest_and_the_smallest_numbers(error):
    """The next power of ten is no number any more."""
    assert "<polyline" in svg_curve(StepCurve((1.0, 2.0), (error, error), (), 1.0))


@pytest.mark.parametrize(
    "curve",
    [
        StepCurve((), (), (), 0.1),
        StepCurve((0.5,), (1.0,), (1.0,), 0.5),
        StepCurve((0.5, 0.25), (0.0, 0.0), (0.0, 0.0), 0.5),
    ],
)
def test_curve_without_two_points_is_not_drawn(curve):
    assert svg_curve(curve) == ""
