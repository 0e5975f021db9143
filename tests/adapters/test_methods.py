"""The spellings of the two passes, and what they are given besides the input and the gradient."""

from types import SimpleNamespace

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.methods import entry_of, methods_of
from gradcheck.adapters.reading import Hints, subject_of
from gradcheck.errors import InvalidInput, InvalidLayer

X = np.random.default_rng(3).standard_normal((4, 3))

SPELLINGS = [
    ("forward", "backward"), ("fprop", "bprop"), ("forward_pass", "backward_pass"),
    ("forward_propagate", "back_propagate"),
    ("forward_propagation", "backward_propagation"), ("forward_prop", "backward_prop"), ("feedforward", "backprop"),
    ("feed_forward", "backpropagate"), ("forward", "backpropagation"), ("forwardPass", "backwardPass"), ("fwd", "bwd"),
    ("forward", "gradient"), ("forward", "grad"), ("compute", "gradient"), ("activate", "backward"),
    ("__call__", "backward"), ("feedForward", "backPropagation"), ("propagate", "backpropagate"),
]  # fmt: skip


def square(forward, backward, factor=2.0):
    """A class that squares, with its passes under these names."""

    def run(self, x):
        self.x = x
        return x * x

    def back(self, dout):
        return factor * dout * self.x

    return type("Square", (), {forward: run, backward: back})()


@pytest.mark.parametrize("names", SPELLINGS, ids="-".join)
@pytest.mark.parametrize(
    ("factor", "verdict"), [(2.0, Verdict.AGREES), (2.5, Verdict.DISAGREES)], ids=["right", "wrong"]
)
def test_a_class_is_read_by_each_spelling_of_its_passes(names, factor, verdict):
    report = check(square(*names, factor=factor), {"x": X}, effort="quick")
    assert (report.verdict, report.convention) == (verdict, "stateful class"), str(report)
    if names != ("forward", "backward"):
        assert f"its passes are {names[0]} and {names[1]}" in report.notes


@pytest.mark.parametrize(
    ("factor", "verdict"), [(2.0, Verdict.AGREES), (2.5, Verdict.DISAGREES)], ids=["right", "wrong"]
)
def test_passes_that_an_instance_holds_are_its_passes(factor, verdict):
    layer = SimpleNamespace(forward=lambda x: x * x, backward=lambda g, x: factor * g * x)
    assert check(layer, {"x": X}).verdict is verdict


def test_the_most_specific_pair_is_chosen():
    layer = square("forward", "backward")
    type(layer).gradient = type(layer).compute = type(layer).__call__ = lambda self, other: other
    assert methods_of(layer)[0] == ("forward", "backward")


class OnlyCalledKeepsInput:
    """Its forward is the bare computation; calling it keeps what backward needs."""

    def __call__(self, x):
        self.x = x
        return self.forward(x)

    def forward(self, x):
        return np.tanh(x)

    def backward(self, error):
        return error * (1 - np.tanh(self.x) ** 2)


def test_a_pair_that_does_not_run_gives_way_to_the_next():
    report = check(OnlyCalledKeepsInput(), {"x": X}, effort="quick")
    assert report.verdict is Verdict.AGREES
    assert "its passes are __call__ and backward" in report.notes


class Trained:
    """Keeps its input only in training mode, and scales in it."""

    def forward(self, x, training=False, mode="test"):
        self.x = x if training else None
        return 3 * x if mode == "train" else x

    def backward(self, grad):
        self.x.sum()
        return 3 * grad


def test_flags_of_forward_are_bound_to_training_and_said():
    report = check(Trained(), {"x": X}, effort="quick")
    assert report.verdict is Verdict.AGREES
    assert "forward is called in training mode: training=True, mode=train" in report.notes


def test_a_flag_that_the_caller_gives_is_left_to_him():
    report = subject_of(Trained(), {"x": X}, hints=Hints(constants={"mode": "odd"}))
    assert "forward is called in training mode: training=True" in report.notes


class OutputInAttribute:
    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.exp(inputs)

    def backward(self, dvalues):
        self.dinputs = dvalues * self.output


class WrongOutputInAttribute(OutputInAttribute):
    def backward(self, dvalues):
        self.dinputs = dvalues * self.inputs


@pytest.mark.parametrize(
    ("layer", "verdict"), [(OutputInAttribute, Verdict.AGREES), (WrongOutputInAttribute, Verdict.DISAGREES)]
)
def test_output_and_input_gradient_are_found_in_attributes(layer, verdict):
    report = check(layer(), {"inputs": X}, effort="quick")
    assert report.verdict is verdict
    assert "forward returns nothing: its output is the attribute `output`" in report.notes


class GradientSecond:
    def forward(self, X):
        return np.tanh(X)

    def backward(self, X, top_diff):
        return top_diff * (1 - np.tanh(X) ** 2)


class OddWordsSecond:
    def forward(self, x):
        return np.exp(x)

    def backward(self, p, q):
        return np.exp(p) * q


@pytest.mark.parametrize(("layer", "name"), [(GradientSecond(), "X"), (OddWordsSecond(), "x")], ids=["names", "trial"])
def test_the_order_of_input_and_gradient_is_found(layer, name):
    assert check(layer, {name: X}, effort="quick").verdict is Verdict.AGREES


class Tower:
    """Gives its gradients as a list inside the tuple."""

    def __init__(self):
        self.W, self.b = np.random.default_rng(1).standard_normal((3, 2)), np.zeros((1, 2))

    def forward(self, X):
        self.X = X
        return X @ self.W + self.b

    def backward(self, dout):
        return dout @ self.W.T, [self.X.T @ dout, dout.sum(axis=0, keepdims=True)]


def test_gradients_in_a_list_inside_the_tuple_are_told_apart():
    report = check(Tower(), {"X": X}, effort="quick")
    assert (set(report.arguments), report.verdict) == ({"X", "W", "b"}, Verdict.AGREES)


class Unknown(Tower):
    def backward(self, dout, one, other):
        return dout @ self.W.T


def test_an_argument_of_backward_that_could_be_anything_is_asked_for():
    with pytest.raises(
        InvalidLayer, match=r"`one` and `other` could be anything\. Say it with --pass one=WHAT, .*--arg one="
    ):
        subject_of(Unknown(), {"X": X})


def test_an_argument_is_given_what_the_caller_says():
    hints = Hints(constants={"other": 3}, passing={"one": "X"})
    assert check(subject_of(Unknown(), {"X": X}, hints=hints, wrt=["X"]), effort="quick").verdict is Verdict.AGREES


@pytest.mark.parametrize(
    ("passing", "words"),
    [
        ({"one": "nothing"}, r"--pass must give an argument grad, output, .*; it gives `nothing`"),
        ({"three": "X"}, r"--pass must name an argument of backward \(dout, one, other\); it names `three`"),
    ],
)
def test_misuse_of_pass_is_answered(passing, words):
    with pytest.raises(InvalidInput, match=words):
        subject_of(Unknown(), {"X": X}, hints=Hints(passing=passing))


class Inner:
    def forward(self):
        return None

    def __call__(self, batch):
        self.batch = batch
        return batch**3

    def backward(self, output_gradient):
        return 3 * output_gradient * self.batch**2


def test_a_forward_without_arguments_is_passed_over():
    assert entry_of(Inner()) == "__call__"
    assert check(Inner(), {"batch": X}, effort="quick").verdict is Verdict.AGREES


class Embedding:
    def __init__(self):
        self.W = np.random.default_rng(1).standard_normal((5, 2))

    def forward(self, idx):
        self.idx = idx
        return self.W[idx]

    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        np.add.at(self.dW, self.idx, dout)


class WrongEmbedding(Embedding):
    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        self.dW[self.idx] = dout


class ReturnedEmbedding(Embedding):
    """Returns the gradient of its weights, the only one that there is."""

    def backward(self, dout):
        gradient = np.zeros_like(self.W)
        np.add.at(gradient, self.idx, dout)
        return gradient


class BackToTheIndices(Embedding):
    """Returns what it would hand to a layer below, though integers have no gradient."""

    def backward(self, dout):
        super().backward(dout)
        return dout @ self.W.T


@pytest.mark.parametrize(
    ("layer", "verdict"),
    [
        (Embedding, Verdict.AGREES),
        (ReturnedEmbedding, Verdict.AGREES),
        (BackToTheIndices, Verdict.AGREES),
        (WrongEmbedding, Verdict.DISAGREES),
    ],
)
def test_a_layer_with_integer_inputs_is_checked_by_its_weights(layer, verdict):
    report = check(layer(), {"idx": np.array([1, 3, 1, 0])}, effort="quick")
    assert (list(report.arguments), report.verdict) == (["W"], verdict)


class Narrow(Tower):
    def __init__(self):
        super().__init__()
        self.W, self.b = self.W.astype(np.float32), self.b.astype(np.float32)


def test_float32_parameters_are_held_in_the_type_of_the_inputs():
    report = check(Narrow(), {"X": X})
    assert report.verdict is Verdict.AGREES, str(report)


class SelfMade:
    """Calls a method `activation` of its own; what is called from outside is the object."""

    def __call__(self, batch):
        self.net = 2 * batch
        return self.activation(self.net)

    def activation(self, net):
        return np.tanh(net)

    def backward(self, output_gradient):
        return 2 * output_gradient * (1 - np.tanh(self.net) ** 2)


def test_the_call_operator_comes_before_words_that_may_mean_anything():
    assert check(SelfMade(), {"batch": X}, effort="quick").verdict is Verdict.AGREES


class Prepared:
    def initialize(self, optimizer):
        self.W = np.random.default_rng(4).standard_normal((self.input_shape[0], 2))
        self.W_opt = optimizer

    def set_input_shape(self, shape):
        self.input_shape = shape

    def forward_pass(self, X, training):
        self.X = X
        return X @ self.W

    def backward_pass(self, accum_grad):
        W = self.W
        self.W = self.W_opt.update(self.W, self.grad(accum_grad))
        return accum_grad @ W.T

    def grad(self, accum_grad):
        return self.X.T @ accum_grad


class WronglyPrepared(Prepared):
    def grad(self, accum_grad):
        return self.X[1:].T @ accum_grad[1:]


@pytest.mark.parametrize(("layer", "wrong"), [(Prepared, []), (WronglyPrepared, ["W"])])
def test_a_layer_is_prepared_by_the_methods_that_it_offers(layer, wrong):
    report = check(layer(), {"X": X}, effort="quick")
    assert [name for name, one in report.arguments.items() if one.verdict is Verdict.DISAGREES] == wrong
    assert "prepared by set_input_shape(shape), initialize(optimizer)" in report.notes


class Dropout:
    def __init__(self, generator=None):
        self.generator = generator

    def forward(self, x):
        draw = self.generator.random if self.generator else np.random.random_sample
        self.mask = draw(x.shape) < 0.5
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


class WrongDropout(Dropout):
    def backward(self, dout):
        return 2 * dout * self.mask


@pytest.mark.parametrize(("layer", "verdict"), [(Dropout, Verdict.AGREES), (WrongDropout, Verdict.DISAGREES)])
def test_random_numbers_from_the_global_state_are_the_same_at_every_call(layer, verdict):
    np.random.seed(3)  # noqa: NPY002 - the global state is the point
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is the point
    report = check(layer(), {"x": X}, effort="quick")
    assert report.verdict is verdict
    assert "forward draws random numbers: the global random state is the same before each call" in report.notes
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002 - the global state is the point


def test_random_numbers_from_a_generator_of_its_own_are_left_alone():
    assert subject_of(Dropout(np.random.default_rng(1)), {"x": X}).notes == ()


class ShapedOtherwise(Tower):
    def backward(self, dout):
        self.dW, self.db = self.X.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class ShapedWrongly(Tower):
    def __init__(self):
        super().__init__()
        self.b = np.zeros((2, 1))

    def forward(self, X):
        self.X = X
        return X @ self.W + self.b.T

    def backward(self, dout):
        self.dW, self.db = self.X.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


def test_a_gradient_that_broadcasts_to_its_argument_is_read_in_its_shape():
    report = check(ShapedOtherwise(), {"X": X}, effort="quick")
    assert report.verdict is Verdict.AGREES
    assert "the gradient of `b` has the shape (2,) and is read in its own, (1, 2)" in report.notes


def test_a_gradient_that_would_blow_its_argument_up_is_a_finding():
    report = check(ShapedWrongly(), {"X": X}, effort="quick")
    assert "gradient-shape" in [finding.code for finding in report.findings]


class DictInTuple(Tower):
    def backward(self, dout):
        return dout @ self.W.T, {"dW": self.X.T @ dout, "db": dout.sum(axis=0, keepdims=True)}


def test_gradients_in_a_dict_beside_that_of_the_input_are_told_by_name():
    report = check(DictInTuple(), {"X": X}, effort="quick")
    assert (set(report.arguments), report.verdict) == ({"X", "W", "b"}, Verdict.AGREES)
