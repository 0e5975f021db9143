"""Stateful classes: parameters and gradients found where their authors keep them, and asked for where that is open."""

import numpy as np
import pytest

from gradcheck import check
from gradcheck.adapters.reading import subject_of
from gradcheck.adapters.stateful import read_stateful
from gradcheck.errors import InvalidInput, InvalidLayer, LayerFailed
from gradcheck.verdict import Verdict

X = np.random.default_rng(1).standard_normal((5, 3))


class Dense:
    def __init__(self):
        self.W = np.random.default_rng(2).standard_normal((3, 2))
        self.b = np.array([0.5, -1.0])

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class WrongDense(Dense):
    def backward(self, dout):
        grad = super().backward(dout)
        self.db = dout.mean(axis=0)
        return grad


class WithDicts(Dense):
    def __init__(self):
        super().__init__()
        self.params = {"W": self.W, "b": self.b}
        self.grads = {}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dout):
        self.grads = {"W": self.x.T @ dout, "b": dout.sum(axis=0)}
        return dout @ self.params["W"].T


class NestedDicts:
    def __init__(self):
        dense = Dense()
        self.params = {"W": {"value": dense.W, "grad": None}, "b": {"value": dense.b, "grad": None}}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"]["value"] + self.params["b"]["value"]

    def backward(self, dout):
        self.params["W"]["grad"] = self.x.T @ dout
        self.params["b"]["grad"] = dout.sum(axis=0)
        return dout @ self.params["W"]["value"].T


class Parameter:
    def __init__(self, data):
        self.data = data
        self.grad = np.zeros_like(data)


class WithParameters:
    def __init__(self):
        self.W, self.b = Parameter(Dense().W), Parameter(Dense().b)

    def forward(self, x):
        self.x = x
        return x @ self.W.data + self.b.data

    def backward(self, dout):
        self.W.grad = self.x.T @ dout
        self.b.grad = dout.sum(axis=0)
        return dout @ self.W.data.T


class Lists:
    def __init__(self):
        self.params = [Dense().W, Dense().b]
        self.grads = [None, None]

    def forward(self, x):
        self.x = x
        return x @ self.params[0] + self.params[1]

    def backward(self, dout):
        self.grads[0] = self.x.T @ dout
        self.grads[1] = dout.sum(axis=0)
        return dout @ self.params[0].T


class InPlace(Dense):
    """Writes into buffers that it made in its constructor."""

    def __init__(self):
        super().__init__()
        self.grad_W, self.grad_b = np.zeros((3, 2)), np.zeros(2)

    def backward(self, dout):
        self.grad_W[...] = self.x.T @ dout
        self.grad_b[...] = dout.sum(axis=0)
        return dout @ self.W.T


class Growing(InPlace):
    def backward(self, dout):
        self.grad_W += self.x.T @ dout
        self.grad_b += dout.sum(axis=0)
        return dout @ self.W.T


class Lazy:
    W = None

    def forward(self, x):
        if self.W is None:
            self.W, self.b = np.random.default_rng().standard_normal((x.shape[1], 2)), np.zeros(2)
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.weights_grad_of_nobody = None
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class Returned(Dense):
    def backward(self, dout):
        return dout @ self.W.T, self.x.T @ dout, dout.sum(axis=0)


class ReturnedDict(Dense):
    def backward(self, dout):
        return {"dx": dout @ self.W.T, "dW": self.x.T @ dout, "db": dout.sum(axis=0)}


class OnlyAttributes(Dense):
    def backward(self, dout):
        super().backward(dout)
        self.dinputs = dout @ self.W.T


class OddNames(Dense):
    """Told by their shapes alone."""

    def backward(self, dout):
        self.first, self.second = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class TakesInputs(Dense):
    """The contract, but for weights on the object."""

    def forward(self, x):
        return x @ self.W + self.b

    def backward(self, grad_output, x):
        self.dW, self.db = x.T @ grad_output, grad_output.sum(axis=0)
        return grad_output @ self.W.T


class Slotted:
    __slots__ = ("W", "b", "dW", "db", "x")
    __init__ = Dense.__init__
    forward = Dense.forward

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


STYLES = [
    Dense, WithDicts, NestedDicts, WithParameters, InPlace, Growing, Lazy, Returned, ReturnedDict, OnlyAttributes,
    OddNames, TakesInputs, Slotted,
]  # fmt: skip


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
def test_accepts_correct_layer_in_each_style_and_checks_every_parameter(style):
    report = check(style(), {"x": X}, effort="quick")
    assert set(report.arguments) == {"x", "W", "b"}
    assert report.verdict is Verdict.AGREES, str(report)
    assert report.convention == "stateful class"


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
def test_catches_backward_that_ignores_a_sample_in_each_style(style):
    def ignoring(dout):
        return np.concatenate([np.zeros_like(dout[:1]), dout[1:]])

    class Wrong(style):
        if style is TakesInputs:

            def backward(self, grad_output, x):
                return super().backward(ignoring(grad_output), x)
        else:

            def backward(self, dout):
                return super().backward(ignoring(dout))

    report = check(Wrong(), {"x": X}, effort="quick")
    assert {str(one.verdict) for one in report.arguments.values()} == {"disagrees"}, str(report)
    assert set(report.arguments) == {"x", "W", "b"}


def test_parameters_in_lists_are_named_by_their_place():
    report = check(Lists(), {"x": X}, effort="quick")
    assert list(report.arguments) == ["x", "params.0", "params.1"]
    assert report.verdict is Verdict.AGREES


def test_only_the_wrong_gradient_disagrees():
    report = check(WrongDense(), {"x": X})
    assert {name: str(one.verdict) for name, one in report.arguments.items()} == {
        "x": "agrees", "W": "agrees", "b": "disagrees",
    }  # fmt: skip


def test_the_report_says_where_gradients_were_found():
    assert "gradients found in attributes: W in grads.W, b in grads.b" in subject_of(WithDicts(), {"x": X}).notes


def test_growing_gradients_are_put_back_and_said():
    notes = subject_of(Growing(), {"x": X}).notes
    assert "backward adds to `grad_W`, `grad_b` from call to call: put back before each call" in notes


def test_the_callers_object_is_left_alone():
    layer = Dense()
    check(layer, {"x": X}, effort="quick")
    assert set(vars(layer)) == {"W", "b"}
    assert np.array_equal(layer.W, Dense().W)


def test_the_value_of_a_parameter_can_be_given():
    subject = subject_of(Dense(), {"x": X, "b": np.array([7.0, 8.0])})
    output = subject.fresh().forward(subject.inputs)
    assert np.allclose(output, X @ Dense().W + [7.0, 8.0])


class Constant(Dense):
    """Holds an array that shapes the output and has no gradient."""

    def __init__(self):
        super().__init__()
        self.mask = np.array([1.0, 0.5])
        self.momentum = np.zeros((3, 2))

    def forward(self, x):
        return super().forward(x) * self.mask

    def backward(self, dout):
        return super().backward(dout * self.mask)


def test_an_array_without_a_gradient_is_held_constant_and_said():
    subject = subject_of(Constant(), {"x": X})
    assert subject.wrt == ("x", "W", "b")
    assert "no gradient was found for `mask`: held constant and not checked" in subject.notes
    assert check(Constant(), {"x": X}, effort="quick").verdict is Verdict.AGREES


def test_wrt_leaves_out_the_rest():
    assert subject_of(Dense(), {"x": X}, wrt=["b"]).wrt == ("b",)


class Ambiguous:
    def __init__(self):
        self.A, self.C = np.eye(3) + 0.5, np.eye(3) - 0.25

    def forward(self, x):
        self.x = x
        return x @ self.A @ self.C

    def backward(self, dout):
        self.first = self.x.T @ dout @ self.C.T
        self.second = (self.x @ self.A).T @ dout
        return dout @ self.C.T @ self.A.T


def test_an_open_choice_asks_for_a_pair():
    with pytest.raises(
        InvalidLayer, match=r"`A` and of `C`, of shape \(3, 3\), .*`first`, `second` could be it\..*--grad A="
    ):
        subject_of(Ambiguous(), {"x": X})


def test_a_pair_settles_the_choice():
    subject = read_stateful(Ambiguous(), {"x": X}, grads={"A": "first", "C": "second"})
    assert subject.wrt == ("x", "A", "C")
    assert check(subject, effort="quick").verdict is Verdict.AGREES
    swapped = read_stateful(Ambiguous(), {"x": X}, grads={"A": "second", "C": "first"})
    assert check(swapped, effort="quick").verdict is Verdict.DISAGREES


class OwnUpdate(Dense):
    def backward(self, dout):
        grad = dout @ self.W.T
        self.W -= 0.1 * self.x.T @ dout
        return grad


class Rate(Dense):
    def backward(self, dout, learning_rate=0.1):
        return super().backward(dout)


class Raises(Dense):
    def forward(self, x):
        raise ValueError("odd")


class NoOutput(Dense):
    def forward(self, x):
        self.kept = x


def test_a_backward_with_an_update_at_a_rate_without_name_is_refused():
    with pytest.raises(InvalidLayer, match=r"it changed W itself, as if it applied its own update, .*--pass NAME=rate"):
        subject_of(OwnUpdate(), {"x": X})


def test_an_optional_learning_rate_is_no_input():
    assert subject_of(Rate(), {"x": X}).convention == "stateful class"


@pytest.mark.parametrize(
    ("layer", "words"),
    [(Raises, "forward raised ValueError: odd"), (NoOutput, r"forward must return an array of numbers; .* NoneType\.")],
)
def test_a_failing_forward_is_told(layer, words):
    with pytest.raises(LayerFailed, match=words):
        subject_of(layer(), {"x": X})


MISUSE = [
    ({"inputs": {"x": X, "v": X}}, InvalidInput, r"`inputs` must name .*\(x, W, b\); it names `v`"),
    (
        {"inputs": {"x": X, "b": X}},
        InvalidInput,
        r"`b` must have the shape of the layer's own, \(2,\); it has \(5, 3\)\.",
    ),
    ({"wrt": ["y"]}, InvalidInput, r"`wrt` must name floating inputs \(x, W, b\); it names 'y'"),
    ({"grads": {"V": "dW"}}, InvalidInput, "`grads` must name a parameter; it names `V`"),
    ({"grads": {"W": "dw"}}, InvalidInput, "`grads` must name an attribute .*; it names `dw`"),
]


@pytest.mark.parametrize(
    ("options", "error", "words"), MISUSE, ids=["unknown-input", "shape", "wrt", "grads", "attribute"]
)
def test_misuse_is_answered(options, error, words):
    with pytest.raises(error, match=words):
        read_stateful(Dense(), **{"inputs": {"x": X}, **options})


def test_wrt_of_a_parameter_without_gradient_asks_for_a_pair():
    with pytest.raises(InvalidLayer, match=r"the gradient of `mask` must be .*none was found.*--grad mask="):
        subject_of(Constant(), {"x": X}, wrt=["mask"])


class Private(Dense):
    def __init__(self):
        self._W, self._b = Dense().W, Dense().b

    def forward(self, x):
        self._x = x
        return x @ self._W + self._b

    def backward(self, dout):
        self._dW, self._db = self._x.T @ dout, dout.sum(axis=0)
        return dout @ self._W.T


def test_a_private_attribute_is_named_without_its_underscore():
    report = check(Private(), {"x": X}, effort="quick")
    assert (list(report.arguments), report.verdict) == (["x", "W", "b"], Verdict.AGREES)
