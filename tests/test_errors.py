"""The kinds of exceptions: misuse is a GradcheckError and a built-in's kin; a wrong gradient is an AssertionError."""

import numpy as np
import pytest

import gradcheck
from gradcheck import errors

MISUSE = [
    (errors.InvalidInput, ValueError),
    (errors.InvalidLayer, TypeError),
    (errors.LayerFailed, RuntimeError),
    (errors.TargetError, LookupError),
    (errors.MissingExtra, ImportError),
]


@pytest.mark.parametrize(("kind", "builtin"), MISUSE, ids=lambda kind: kind.__name__)
def test_misuse_is_a_gradcheck_error_and_of_the_fitting_built_in(kind, builtin):
    assert issubclass(kind, errors.GradcheckError)
    assert issubclass(kind, builtin)


@pytest.mark.parametrize("kind", [errors.GradientMismatch, errors.InconclusiveCheck], ids=lambda kind: kind.__name__)
def test_a_disagreement_is_an_assertion_error_and_never_swallowed_as_misuse(kind):
    assert issubclass(kind, AssertionError)
    assert not issubclass(kind, errors.GradcheckError)
    raised = kind("the text of the report")
    assert str(raised) == "the text of the report"
    assert raised.report == "the text of the report"


def test_public_exceptions_are_the_ones_raised():
    assert gradcheck.GradcheckError is errors.GradcheckError
    assert gradcheck.GradientMismatch is errors.GradientMismatch
    assert gradcheck.InconclusiveCheck is errors.InconclusiveCheck


def test_layer_failed_tells_the_stage_and_the_trace():
    raised = errors.LayerFailed("Conv's backward raised", stage="backward", traceback="File conv.py")
    assert (str(raised), raised.stage, raised.traceback) == ("Conv's backward raised", "backward", "File conv.py")
    assert (errors.LayerFailed("x").stage, errors.LayerFailed("x").traceback) == ("forward", "")


def test_missing_extra_says_what_to_install():
    raised = errors.MissingExtra("proof")
    assert str(raised) == 'needs pip install "gradcheck[proof]"'
    assert raised.extra == "proof"


def test_layer_fault_carries_the_code_of_its_finding():
    raised = errors.LayerFault("gradient-count", "too many", argument="x")
    assert (raised.code, str(raised), raised.argument) == ("gradient-count", "too many", "x")


SUGGESTIONS = [
    ("weigth", ["weight", "bias"], "; did you mean `weight`?"),
    ("grad", ["grad1", "grad2"], "; did you mean `grad2` or `grad1`?"),
    ("zzz", ["weight", "bias"], ""),
    ("x", [], ""),
]


@pytest.mark.parametrize(("name", "known", "wanted"), SUGGESTIONS, ids=[s[0] for s in SUGGESTIONS])
def test_a_misspelt_name_is_answered_with_near_ones(name, known, wanted):
    assert errors.did_you_mean(name, known) == wanted


def test_the_traceback_of_a_layer_has_only_its_own_frames():
    def forward(x):
        raise KeyError("gone")

    with pytest.raises(errors.LayerFailed, match=r"forward's forward raised KeyError: 'gone'") as caught:
        gradcheck.check((forward, lambda g, x: g), {"x": np.ones(3)})
    assert isinstance(caught.value.__cause__, KeyError)
    assert "test_errors.py" in caught.value.traceback
    assert "instrument.py" not in caught.value.traceback
    assert caught.value.traceback.endswith("KeyError: 'gone'")
