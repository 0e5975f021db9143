import numpy as np
import pytest

from gradcheck.verdict import Severity

NONLINEAR = {
    "absolute-value": np.abs,
    "sign": np.sign,
    "squared": lambda g: g * np.abs(g),
    "unit-norm": lambda g: g / max(np.sqrt((g**2).sum()), 1e-300),
    "unit-maximum": lambda g: g / max(np.abs(g).max(), 1e-300),
    "norm-with-epsilon": lambda g: g / (1.0 + 1e-3 * np.abs(g).max()),
    "clipped-closely": lambda g: np.clip(g, -0.7, 0.7),
    "clipped-far-away": lambda g: np.clip(g, -5.0, 5.0),
    "norm-clipped-at-1000": lambda g: g * min(1.0, 1000.0 / max(np.sqrt((g**2).sum()), 1e-300)),
    "small-values-dropped": lambda g: np.where(np.abs(g) < 1e-5, 0.0, g),
    "positive-part": lambda g: np.maximum(g, 0.0),
    "cast-to-float32": lambda g: g.astype(np.float32).astype(float),
    "rounded": lambda g: np.round(g, 2),
}
LINEAR = {
    "plain": lambda g: g,
    "mixed-within-the-row": lambda g: g - g.mean(axis=1, keepdims=True),
    "through-fft": lambda g: np.fft.ifft(np.fft.fft(g)).real,
    "rows-of-zeros-skipped": lambda g: np.where(np.any(g != 0, axis=1, keepdims=True), g, 0.0),
    "scaled-up-and-down": lambda g: (g * 1e30) * 1e-30,
}


@pytest.mark.parametrize("change", NONLINEAR.values(), ids=NONLINEAR)
def test_catches_a_backward_that_is_not_linear_in_grad_output(look_at, x, change):
    seen = look_at((np.sin, lambda g, x: change(g) * np.cos(x)), x=x)
    assert seen.by["nonlinear"].severity is Severity.ERROR
    assert seen.by["nonlinear"].argument == "x"
    assert seen.by["nonlinear"].evidence["bars"] > 7
    assert "nonzero-for-zero" not in seen.codes


@pytest.mark.parametrize("change", LINEAR.values(), ids=LINEAR)
def test_accepts_a_linear_backward(look_at, x, change):
    assert look_at((lambda x: x @ np.eye(4), lambda g, x: change(g)), x=x).wrong == []


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_accepts_a_linear_backward_in_low_precision(look_at, x, dtype):
    layer = (lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True), _softmax_backward)
    assert look_at(layer, x=x.astype(dtype)).findings == []


def _softmax_backward(g, x):
    y = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    return y * (g - (g * y).sum(axis=1, keepdims=True))


def test_names_the_combination_and_the_size(look_at, x):
    finding = look_at((np.sin, lambda g, x: np.abs(g) * np.cos(x)), x=x).by["nonlinear"]
    assert finding.sentence.startswith(
        "The gradient of `x` must be linear in grad_output; for 2 g -0.5 h it is off by 0."
    )
    far = look_at((np.sin, lambda g, x: np.clip(g, -5, 5) * np.cos(x)), x=x).by["nonlinear"]
    assert far.evidence["tried"] == "1.04858e+06 g"


@pytest.mark.parametrize("decay", [1e-2, 1e-9])
def test_catches_a_weight_decay_added_to_the_gradient(look_at, x, decay):
    weight = np.arange(12.0).reshape(4, 3)
    layer = (np.matmul, lambda g, x, weight: (g @ weight.T, x.T @ g + decay * weight))
    finding = look_at(layer, x=x, weight=weight).by["nonzero-for-zero"]
    assert finding.severity is Severity.ERROR
    assert finding.argument == "weight"
    assert finding.evidence["largest"] == pytest.approx(11 * decay)
    assert "its largest entry is" in finding.sentence


def test_catches_nan_for_a_zero_grad_output(look_at, x):
    def backward(g, x):
        with np.errstate(all="ignore"):
            return g / np.abs(g).max() * np.abs(g).max() * np.cos(x)

    assert look_at((np.sin, backward), x=x).by["nonzero-for-zero"].severity is Severity.ERROR


def test_warns_of_a_backward_that_refuses_zero(look_at, x):
    def backward(g, x):
        if not g.any():
            raise ValueError("nothing to do")
        return g * np.cos(x)

    finding = look_at((np.sin, backward), x=x).by["zero-refused"]
    assert finding.severity is Severity.WARNING
    assert "ValueError: nothing to do" in finding.sentence


def test_accepts_negative_zero_for_zero(look_at, x):
    assert look_at((lambda x: -x * 1.0, lambda g, _x: -g), x=x).findings == []


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("seed", range(8))
def test_catches_the_size_of_a_scalars_grad_output_whatever_signs_are_drawn(look_at, x, dtype, seed):
    layer = (lambda x: (x * x).sum(), lambda g, x: 2 * abs(g) * x)
    assert look_at(layer, x=x.astype(dtype), seed=seed).by["nonlinear"].severity is Severity.ERROR
