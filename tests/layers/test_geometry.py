"""Where windows lie: sizes, the forms of padding, overlaps, bands, and the sentences of refusals."""

import re

import numpy as np
import pytest

from gradcheck.errors import InvalidInput
from gradcheck.layers.geometry import padding_pairs, per_axis, place_windows, whole


@pytest.mark.parametrize(
    ("size", "kernel", "options", "expected"),
    [
        (5, 3, {}, 3),
        (5, 3, {"stride": 2}, 2),
        (6, 3, {"stride": 2}, 2),
        (6, 3, {"stride": 2, "ceil_mode": True}, 3),
        (5, 2, {"stride": 2, "padding": 1}, 3),
        (5, 3, {"dilation": 2}, 1),
        (5, 3, {"padding": ((1, 0),)}, 4),
        (5, 3, {"padding": "full"}, 7),
        (5, 3, {"padding": "valid"}, 3),
        (5, 4, {"padding": "same"}, 5),
        (5, 4, {"padding": "same", "stride": 2}, 3),
        (0, 2, {"padding": 1}, 1),
        (1, 1, {"stride": 9}, 1),
    ],
    ids=str,
)
def test_an_axis_has_as_many_windows_as_its_formula_says(size, kernel, options, expected):
    assert place_windows((size,), (kernel,), **options).output_size == (expected,)


def test_ceil_mode_adds_no_window_that_begins_behind_the_input():
    assert place_windows((4,), (1,), stride=3, padding=1, ceil_mode=True).output_size == (2,)


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        (2, ((2, 2), (2, 2))),
        ((1, 2), ((1, 1), (2, 2))),
        (((0, 1), (2, 0)), ((0, 1), (2, 0))),
        ("valid", ((0, 0), (0, 0))),
        ("full", ((2, 2), (6, 6))),
        ("same", ((1, 1), (2, 3))),
        (np.int64(1), ((1, 1), (1, 1))),
    ],
    ids=str,
)
def test_each_form_of_padding_becomes_one_pair_an_axis(padding, expected):
    assert padding_pairs(padding, (5, 6), (3, 3), stride=(1, 2), dilation=(1, 3)) == expected


def test_same_padding_gives_a_window_for_each_stride_begun():
    for size in range(1, 9):
        for stride in range(1, 5):
            assert place_windows((size,), (3,), stride=stride, padding="same").output_size == (-(-size // stride),)


AXES = [
    (size, kernel, stride, padding, dilation, flip)
    for size in (1, 2, 5)
    for kernel in (1, 3)
    for stride in (1, 2, 3)
    for padding in (((0, 0),), ((2, 0),), ((1, 4),))
    for dilation in (1, 2)
    for flip in (False, True)
    if size + sum(padding[0]) >= dilation * (kernel - 1) + 1
]


def entries(windows, signal, m):
    """What each window sees at offset m, by the overlap; 0 in the padding."""
    seen = np.zeros(windows.output_size[0])
    inside, outside = windows.overlaps(0)[m]
    seen[outside] = signal[inside]
    return seen


def test_overlaps_are_what_a_padded_copy_shows_at_each_offset():
    for size, kernel, stride, padding, dilation, flip in AXES:
        signal = np.arange(1.0, size + 1)
        padded = np.pad(signal, padding)
        windows = place_windows((size,), (kernel,), stride=stride, padding=padding, dilation=dilation, flip=flip)
        for m in range(kernel):
            place = (kernel - 1 - m if flip else m) * dilation
            expected = padded[place::stride][: windows.output_size[0]]
            assert np.array_equal(entries(windows, signal, m), expected), windows


def test_a_band_sees_what_the_whole_sees_at_its_rows():
    for size, kernel, stride, padding, dilation, flip in AXES:
        signal = np.arange(1.0, size + 1)
        windows = place_windows((size,), (kernel,), stride=stride, padding=padding, dilation=dilation, flip=flip)
        rows = windows.output_size[0]
        for first, stop in ((a, b) for a in range(rows) for b in range(a + 1, rows + 1)):
            band, inside = windows.band(first, stop)
            for m in range(kernel):
                expected = entries(windows, signal, m)[first:stop]
                assert np.array_equal(entries(band, signal[inside], m), expected), (windows, first, stop)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"stride": 0}, "`stride` must be an int of at least 1"),
        ({"stride": True}, "it is True"),
        ({"stride": 1.0}, "it is 1.0"),
        (
            {"dilation": (1, 2, 3)},
            "`dilation` must hold one int for each of the 2 spatial axes; it is (1, 2, 3), of length 3",
        ),
        ({"padding": -1}, "`padding` must be an int of at least 0"),
        ({"padding": "Same"}, "`padding` must be numbers or one of valid, same, full; it is 'Same'"),
        ({"padding": ((1, 1, 1), (0, 0))}, "one (before, after) pair for each spatial axis"),
        ({"padding": ((1, 1),)}, "of length 1. Pass 2 of them"),
        ({"padding": ((1, -1), (0, 0))}, "`padding` must be an int of at least 0"),
        (
            {"dilation": 5},
            "the kernel must fit into the padded input; on spatial axis 0 it spans 6 and the input has 5 + 0 + 0",
        ),
    ],
    ids=str,
)
def test_a_refusal_says_what_must_hold_what_came_and_what_to_do(options, sentence):
    with pytest.raises(InvalidInput, match=re.escape(sentence)):
        place_windows((5, 5), (2, 2), **options)


def test_a_single_int_may_not_be_a_tuple():
    with pytest.raises(
        InvalidInput, match=re.escape("`groups` must be an int of at least 1; it is (1,). Pass e.g. groups=1")
    ):
        whole("groups", (1,))


def test_an_int_serves_all_axes():
    assert per_axis("stride", 2, 3) == (2, 2, 2)
    assert per_axis("stride", [1, 2], 2) == (1, 2)
