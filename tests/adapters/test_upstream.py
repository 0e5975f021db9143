"""Losses without an upstream gradient: read as such where backward takes none, or ignores it."""

import numpy as np
import pytest

from gradcheck import check
from gradcheck.adapters.reading import subject_of
from gradcheck.errors import InvalidLayer
from gradcheck.verdict import Verdict

X = np.random.default_rng(1).standard_normal((5, 3))


class Loss:
    """Cross-entropy fused with softmax, from labels."""

    def forward(self, x, labels):
        shifted = np.exp(x - x.max(axis=1, keepdims=True))
        self.y, self.labels = shifted / shifted.sum(axis=1, keepdims=True), labels
        return -np.log(self.y[np.arange(len(x)), labels]).mean()

    def backward(self):
        grad = self.y.copy()
        grad[np.arange(len(grad)), self.labels] -= 1
        return grad / len(grad)


class LossWithDefault(Loss):
    def backward(self, dout=1):
        return super().backward()


class LossThatMultiplies(Loss):
    def backward(self, dout=1):
        return super().backward() * dout


class WrongLoss(Loss):
    def backward(self):
        return super().backward() * 2


LABELS = np.array([0, 2, 1, 1, 0])
ALONE = "backward is called without grad_output, as for a loss; its gradients are multiplied by it"


@pytest.mark.parametrize(
    ("loss", "alone"), [(Loss, True), (LossWithDefault, True), (LossThatMultiplies, False)], ids=str
)
def test_accepts_correct_loss_with_or_without_grad_output(loss, alone):
    report = check(loss(), {"x": X, "labels": LABELS}, effort="quick")
    assert report.verdict is Verdict.AGREES, str(report)
    assert (ALONE in report.notes) is alone


def test_catches_loss_gradient_of_twice_the_size():
    assert check(WrongLoss(), {"x": X, "labels": LABELS}, effort="quick").verdict is Verdict.DISAGREES


class NoScalar(Loss):
    def forward(self, x, labels):
        super().forward(x, labels)
        return self.y[:, :1]

    def backward(self):
        return super().backward()[:, :2]


def test_a_backward_without_grad_output_must_return_a_gradient_or_a_derivative():
    words = (
        r"backward must take grad_output, or return .* the shape of the output, \(5, 1\); it takes nothing and .*2\)"
    )
    with pytest.raises(InvalidLayer, match=words):
        subject_of(NoScalar(), {"x": X, "labels": LABELS})
