"""tinygrad: functions of Tensors and objects that hold some."""

import os

import numpy as np
import pytest

os.environ.setdefault("DEV", "PYTHON")  # its interpreter, which needs no compiler; read when it is first imported
pytest.importorskip("tinygrad", reason='needs the extra "tinygrad"')

from tinygrad import Tensor

from gradcheck import Verdict, check
from gradcheck.adapters.reading import subject_of
from gradcheck.errors import LayerFailed

X = np.random.default_rng(4).standard_normal((2, 3))


class Scale:
    def __init__(self):
        self.weight = Tensor(np.array([1.0, -2.0, 3.0], dtype=np.float32))

    def __call__(self, x):
        return x * self.weight


def cut_off(x):
    return x * x.detach() + Tensor.sigmoid(x)


def two_outputs(x):
    return x.sigmoid(), x.sum()


def test_agrees_with_a_function_and_with_an_object():
    assert check(two_outputs, {"x": Tensor(X)}, effort="quick").verdict is Verdict.AGREES
    report = check(Scale(), {"x": X}, effort="quick")
    assert (report.verdict, list(report.arguments), report.convention) == (
        Verdict.AGREES,
        ["x", "weight"],
        "tinygrad object",
    )
    assert report.notes == ("`x` taken in float32, as the layer's parameters are",)


def test_a_graph_that_is_cut_claims_less_than_the_derivative():
    subject = subject_of(cut_off, {"x": X})
    sigmoid = 1 / (1 + np.exp(-X))
    gradient = subject.fresh().backward((np.ones_like(X),), subject.inputs)["x"]
    np.testing.assert_allclose(gradient, X + sigmoid * (1 - sigmoid), rtol=1e-12)  # a few ulps of another exp


def test_refuses_what_is_no_tensor():
    with pytest.raises(LayerFailed, match="must return Tensors; it returned a float"):
        subject_of(lambda x: float(Tensor.sum(x).item()), {"x": X})
