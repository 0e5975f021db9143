"""The article's network learns real digits with the hand-derived gradients."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs gradcheck[examples]")

SOURCE = Path(__file__).resolve().parents[2] / "examples" / "train_digits.py"
SPEC = importlib.util.spec_from_file_location("train_digits", SOURCE)
digits = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(digits)


def test_all_gradients_of_the_network_are_checked_before_training(capsys):
    (images, labels), _ = digits.load()
    rng = np.random.default_rng(0)
    digits.check_gradients(digits.make_parameters(rng), images, labels, rng)
    assert capsys.readouterr().out.startswith("AGREES")


def test_the_gradient_check_stops_a_wrong_network(monkeypatch):
    class Wrong(digits.ReLU):
        def backward(self, grad_output, input):
            return grad_output

    monkeypatch.setattr(digits, "model", digits.Sequential((Wrong(), *digits.model.layers)))
    (images, labels), _ = digits.load()
    rng = np.random.default_rng(0)
    parameters = digits.make_parameters(rng)
    inputs = dict(zip(digits.model.input_names, [images[:2] - 0.5, *parameters, labels[:2]], strict=True))
    with pytest.raises(AssertionError, match="DISAGREES"):
        digits.gradcheck.assert_agrees(digits.model, inputs)


@pytest.mark.slow
def test_the_network_reads_97_percent_of_unseen_digits(tmp_path, capsys):
    assert digits.main(tmp_path / "loss.png") == 0
    assert "unseen digits" in capsys.readouterr().out
    if importlib.util.find_spec("matplotlib"):
        assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
