import numpy as np
import pytest

from gradcheck.verdict import Severity


def scale_in_place(g, x):
    g *= np.cos(x)
    return g


def zero_afterwards(g, x):
    gradient = g * np.cos(x)
    g[...] = 0
    return gradient


def cosine_into_the_input(g, x):
    return g * np.cos(x, out=x)


def through_a_flat_copy(g, x):
    flat = g.flatten()
    flat *= np.cos(x).ravel()
    return flat.reshape(x.shape)


class Tanh:
    """Keeps the very array that it returned, and backward works in it."""

    def forward(self, x):
        self.output = np.tanh(x)
        return self.output

    def backward(self, g, x):
        self.output *= self.output
        return g * (1 - self.output)


def test_warns_of_a_backward_that_writes_into_grad_output(look_at, x):
    finding = look_at((np.sin, zero_afterwards), x=x).by["mutates-grad-output"]
    assert finding.severity is Severity.WARNING
    assert finding.sentence == "backward must not write into its arguments; it changed 12 entries of `grad_output`."
    assert finding.evidence == {"stage": "backward", "array": "grad_output", "entries": 12}


def test_warns_of_a_backward_that_writes_into_its_input(look_at, x):
    seen = look_at((np.sin, cosine_into_the_input), x=x)
    assert seen.by["mutates-input"].severity is Severity.WARNING
    assert seen.by["mutates-input"].argument == "x"
    assert all(f.severity is Severity.WARNING for f in seen.findings)


def test_warns_of_a_forward_that_writes_into_its_input_without_harm(look_at, x):
    def forward(x):
        np.maximum(x, 0, out=x)
        return x.copy()

    seen = look_at((forward, lambda g, x: g * (x > 0)), x=x)
    assert seen.by["mutates-input"].evidence["stage"] == "forward"
    assert "wrong-in-place" not in seen.codes
    assert all(f.severity is Severity.WARNING for f in seen.findings)


def test_catches_a_forward_that_overwrites_what_backward_needs(look_at, x):
    finding = look_at((lambda x: np.exp(x, out=x).copy(), lambda g, x: g * np.exp(x)), x=x).by["wrong-in-place"]
    assert finding.severity is Severity.ERROR
    assert "something is overwritten before it is used" in finding.sentence


def test_catches_a_gradient_that_is_wrong_only_where_forward_and_backward_share_arrays(look_at, x):
    class Doubles:
        """Keeps its input without a copy and then writes into it."""

        def forward(self, x):
            self.kept = x
            x *= 2.0
            return x * x / 4.0

        def backward(self, g, x):
            return g * x * 2.0

    seen = look_at(Doubles(), x=x)
    assert seen.by["wrong-in-place"].evidence["relative"] == pytest.approx(1.0)


def test_warns_of_a_backward_that_writes_into_the_output(look_at, x):
    seen = look_at(Tanh(), x=x)
    assert seen.by["mutates-output"].severity is Severity.WARNING
    assert "what forward returned" in seen.by["mutates-output"].sentence


def test_names_the_output_that_is_written_into(look_at, x):
    def backward(grads, x):
        first, second = grads
        gradient = first * np.cos(x) - second * np.sin(x)
        second[...] = 0
        return gradient

    finding = look_at((lambda x: (np.sin(x), np.cos(x)), backward), x=x).by["mutates-grad-output"]
    assert finding.evidence["array"] == "grad_output[1]"


@pytest.mark.parametrize("stage", ["forward", "backward"])
def test_warns_of_an_input_that_is_made_read_only(look_at, x, stage):
    def lock(value, here):
        value.flags.writeable = value.flags.writeable and stage != here

    def forward(x):
        lock(x, "forward")
        return np.sin(x)

    def backward(g, x):
        lock(x, "backward")
        return g * np.cos(x)

    seen = look_at((forward, backward), x=x)
    assert seen.by["mutates-input"].sentence == "A pass must leave its arguments as they are; it made `x` read-only."
    assert not seen.wrong


def test_accepts_work_in_a_copy_of_grad_output(look_at, x):
    assert look_at((np.sin, through_a_flat_copy), x=x).findings == []


def test_warns_of_work_in_a_reshaped_view_of_grad_output(look_at, x):
    def backward(g, x):
        flat = g.reshape(-1)
        flat *= np.cos(x).reshape(-1)
        return flat.reshape(x.shape)

    seen = look_at((np.sin, backward), x=x)
    assert {"mutates-grad-output", "aliases-grad-output"} <= seen.codes
    assert all(f.severity is Severity.WARNING for f in seen.findings)


def test_takes_nan_in_an_output_for_unchanged(look_at):
    def forward(x):
        with np.errstate(all="ignore"):
            return np.log(x)

    seen = look_at((forward, lambda g, x: g / x), x=np.array([-1.0, 0.5, 2.0]))
    assert not seen.codes & {"mutates-output", "mutates-input", "mutates-grad-output"}


class RectifiesInPlace:
    def forward(self, x):
        self.mask = x > 0
        x *= self.mask
        return x

    def backward(self, grad_output):
        grad_output *= self.mask
        return grad_output


def test_warns_of_a_stateful_layer_that_works_in_place_and_is_right(look_at, x):
    seen = look_at(RectifiesInPlace(), x=x)
    assert {"mutates-input", "mutates-grad-output", "aliases-grad-output", "read-only-refused"} == seen.codes
    assert seen.wrong == []
    assert seen.by["mutates-input"].evidence["entries"] == np.count_nonzero(x < 0)
