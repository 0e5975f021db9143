"""Windows that overwrite each other, in layers that carry no complex numbers, at normal effort."""

import numpy as np
import pytest

import gradcheck


class Loops:
    """A convolution and a maximum over windows as most of us write them first: loops, and arrays of real numbers."""

    def __init__(self, kernel, stride, padding, *, pool=False, add=False):
        self.kernel, self.stride, self.padding, self.pool, self.add = kernel, stride, padding, pool, add

    def windows(self, x):
        (rows, columns), s, p = self.kernel, self.stride, self.padding
        for i in range((x.shape[2] + 2 * p - rows) // s + 1):
            for j in range((x.shape[3] + 2 * p - columns) // s + 1):
                yield i, j, np.s_[:, :, i * s : i * s + rows, j * s : j * s + columns]

    def padded(self, x):
        p = self.padding
        return np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))

    def forward(self, x, *weight):
        padded, found = self.padded(x), list(self.windows(x))
        output = np.zeros((len(x), len(weight[0]) if weight else x.shape[1], found[-1][0] + 1, found[-1][1] + 1))
        for i, j, window in found:
            part = padded[window]
            output[:, :, i, j] = (
                np.tensordot(part, weight[0], ((1, 2, 3), (1, 2, 3))) if weight else part.max(axis=(2, 3))
            )
        return output

    def backward(self, grad_output, x, *weight):
        padded = self.padded(x)
        grad_padded = np.zeros_like(padded)
        grad_weight = [np.zeros_like(w) for w in weight]
        for i, j, window in self.windows(x):
            part, delta = padded[window], grad_output[:, :, i, j]
            if weight:
                share = np.tensordot(delta, weight[0], 1)
                grad_weight[0] += np.tensordot(delta, part, (0, 0))
            else:
                share = (part == part.max(axis=(2, 3), keepdims=True)) * delta[:, :, None, None]
            grad_padded[window] = share + (grad_padded[window] if self.add else 0)
        p = self.padding
        return grad_padded[:, :, p : p + x.shape[2], p : p + x.shape[3]], *grad_weight


OVERWRITTEN = {
    "3 x 3 on 36 entries": (Loops((3, 3), 1, 1), {"x": (1, 1, 6, 6), "weight": (1, 1, 3, 3)}),
    "3 x 3 on 60 entries": (Loops((3, 3), 1, 0), {"x": (1, 2, 6, 5), "weight": (3, 2, 3, 3)}),
    "3 x 2 on 60 entries": (Loops((3, 2), 2, 0), {"x": (1, 2, 6, 5), "weight": (3, 2, 3, 2)}),
    "3 x 3 on 150 entries": (Loops((3, 3), 1, 1), {"x": (2, 3, 5, 5), "weight": (2, 3, 3, 3)}),
    "3 x 2 on 252 entries": (Loops((3, 2), 1, 1), {"x": (2, 3, 6, 7), "weight": (4, 3, 3, 2)}),
    "3 x 2 by 2 on 252 entries": (Loops((3, 2), 2, 1), {"x": (2, 3, 7, 6), "weight": (4, 3, 3, 2)}),
    "a maximum over 3 x 3 by 2": (Loops((3, 3), 2, 0, pool=True), {"x": (2, 2, 7, 7)}),
    "a maximum over 2 x 2 by 1": (Loops((2, 2), 1, 0, pool=True), {"x": (1, 3, 4, 5)}),
}


@pytest.mark.parametrize(("layer", "shapes"), OVERWRITTEN.values(), ids=OVERWRITTEN)
def test_windows_that_overwrite_each_other_are_told_at_normal_effort(layer, shapes):
    rng = np.random.default_rng(1)
    inputs = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    report = gradcheck.check(layer, inputs)
    found = report.arguments["x"].diagnosis
    assert found is not None
    assert found.code == "overlap-overwritten"
    spent = next(cost for cost in report.evaluations.spent if cost.purpose == "explaining")
    assert spent.forward <= 200
    assert spent.backward <= 60
    assert gradcheck.check(
        Loops(layer.kernel, layer.stride, layer.padding, pool=layer.pool, add=True), inputs
    ).verdict == ("agrees")
