import numpy as np
import pytest

from gradcheck.verdict import Severity


def test_warns_of_a_backward_that_raises_for_an_empty_batch(look_at, x):
    finding = look_at((np.sin, lambda g, x: g * np.cos(x) * (1 + 0 * np.max(np.abs(g)))), x=x).by["empty-refused"]
    assert finding.severity is Severity.WARNING
    assert "raises for inputs with an empty batch, which forward accepts" in finding.sentence
    assert "zero-size array" in finding.sentence


@pytest.mark.parametrize("mean", [lambda g: g.mean(axis=0) * len(g), lambda g: g.sum(axis=0) + (len(g) == 0)])
def test_warns_of_a_gradient_that_is_not_zero_for_an_empty_batch(look_at, x, mean):
    weight, bias = np.arange(12.0).reshape(4, 3), np.zeros(3)
    layer = (lambda x, weight, bias: x @ weight + bias, lambda g, x, weight, bias: (g @ weight.T, x.T @ g, mean(g)))
    finding = look_at(layer, x=x, weight=weight, bias=bias).by["empty-wrong"]
    assert (finding.argument, finding.severity) == ("bias", Severity.WARNING)
    assert "is not zero although no output depends on it" in finding.sentence


def _cumprod_backward(g, x):
    product = np.cumprod(x)
    flat = np.array([(g[i:] * product[i:]).sum() / x.ravel()[i] for i in range(x.size)])
    return np.squeeze(flat.reshape(x.shape))


def test_warns_of_a_wrong_shape_for_axes_of_size_one(look_at):
    x = np.linspace(0.5, 2.0, 12).reshape(3, 4)
    layer = (np.cumprod, _cumprod_backward)
    finding = look_at(layer, x=x).by["size-one-wrong"]
    assert (
        finding.sentence == "The gradient of `x` has the shape () where (1, 1) belongs for inputs with axes of size 1."
    )


def test_notes_a_backward_that_raises_for_axes_of_size_one(look_at, x):
    def backward(g, x):
        if x.shape[1] == 1:
            raise IndexError("no second column")
        return g * np.cos(x)

    assert look_at((np.sin, backward), x=x).by["size-one-refused"].severity is Severity.NOTE


@pytest.mark.parametrize(
    ("backward", "code"),
    [
        (lambda g, x: np.atleast_1d(g * np.cos(x)), "scalar-wrong"),
        (lambda g, x: g * np.cos(x) * len(x) / len(x), "scalar-refused"),
    ],
)
def test_warns_of_trouble_with_no_axes(look_at, x, backward, code):
    seen = look_at((np.sin, backward), x=x)
    assert seen.codes == {code}
    assert seen.findings[0].severity is Severity.WARNING


def test_accepts_a_layer_whose_forward_refuses_odd_sizes(look_at, x):
    def forward(x):
        if x.ndim != 2 or min(x.shape) < 2:
            raise ValueError("at least 2 x 2")
        return np.sin(x)

    def backward(g, x):
        assert x.ndim == 2
        assert min(x.shape) >= 2
        return g * np.cos(x)

    assert look_at((forward, backward), x=x).findings == []


def test_accepts_a_mean_whose_forward_is_nan_for_an_empty_batch(look_at, x):
    def forward(x):
        with np.errstate(all="ignore"):
            return x.sum() / np.float64(x.size)

    assert look_at((forward, lambda g, x: np.full(x.shape, g / max(x.size, 1))), x=x).findings == []


@pytest.mark.parametrize("shape", [(), (0, 4), (1, 1), (1,), (4, 0, 2)])
def test_accepts_points_that_are_of_an_odd_size_themselves(look_at, shape):
    assert look_at((np.sin, lambda g, x: g * np.cos(x)), x=np.full(shape, 0.7)).findings == []


def test_accepts_labels_that_are_cut_with_the_batch(look_at, x):
    def backward(g, x, labels):
        gradient = np.zeros_like(x)
        gradient[np.arange(len(x)), labels] = g
        return gradient, None

    layer = (lambda x, labels: x[np.arange(len(x)), labels], backward)
    assert look_at(layer, x=x, labels=np.array([1, 3, 0])).findings == []


def test_asks_only_elementwise_layers_for_no_axes(look_at, x):
    assert look_at((lambda x: x.sum(), lambda g, x: np.full((len(x), x.shape[1]), g)), x=x).findings == []


def test_accepts_axes_of_size_one_that_are_broadcast_against_what_the_layer_keeps(look_at, x):
    mask = np.random.default_rng(0).random(x.shape) < 0.5
    assert look_at((lambda x: x * mask, lambda g, _x: g * mask), x=x).findings == []


def test_a_layer_that_broadcasts_is_not_asked_for_arrays_without_axes(look_at, x):
    def backward(g, x, s):
        return g * s, (g * x).sum(axis=1, keepdims=True)

    assert not look_at((lambda x, s: x * s, backward), x=x, s=x[:, :1].copy()).findings


def summed(x):
    return x.sum(axis=0)


def one_row_at_least(g, x):
    return np.repeat(g[None], max(len(x), 1), axis=0)


def test_warns_of_a_wrong_empty_batch_where_the_output_has_no_batch(look_at, x):
    finding = look_at((summed, one_row_at_least), x=x).by["empty-wrong"]
    assert finding.severity is Severity.WARNING
    assert not look_at((summed, lambda g, x: np.repeat(g[None], len(x), axis=0)), x=x).findings
