"""PyTorch's layers read as Subjects: each kind right and wrong, and what torch does that NumPy does not."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='needs the extra "torch"')

from gradcheck import Verdict, check  # noqa: E402 - after the skip
from gradcheck.adapters.reading import subject_of  # noqa: E402 - after the skip
from gradcheck.checks.instrument import Instrument  # noqa: E402 - after the skip
from gradcheck.errors import InvalidInput, InvalidLayer, LayerFailed  # noqa: E402 - after the skip
from gradcheck.verdict import Severity  # noqa: E402 - after the skip

DRAWN = np.random.default_rng(8)
X, W, B = (DRAWN.standard_normal(shape) for shape in [(3, 4), (5, 4), (5,)])
LINEAR = {"x": X, "w": W, "b": B}


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b=None, scale=1.0):
        ctx.save_for_backward(x, w)
        ctx.scale = scale
        y = scale * (x @ w.t())
        return y if b is None else y + b

    @staticmethod
    def backward(ctx, grad):
        x, w = ctx.saved_tensors
        grad_x = ctx.scale * (grad @ w) if ctx.needs_input_grad[0] else None
        grad_w = ctx.scale * (grad.t() @ x) if ctx.needs_input_grad[1] else None
        return grad_x, grad_w, grad.sum(0) if ctx.needs_input_grad[2] else None, None


class ForgetsScale(Linear):
    @staticmethod
    def backward(ctx, grad):
        x, w = ctx.saved_tensors
        return grad @ w, ctx.scale * (grad.t() @ x), grad.sum(0), None


class ReadsAsContiguous(Linear):
    """Right unless grad_output is strided: what a kernel does that is handed a bare pointer."""

    @staticmethod
    def backward(ctx, grad):
        x, w = ctx.saved_tensors
        if not grad.is_contiguous() and 0 not in grad.stride():
            grad = torch.as_strided(grad, grad.shape, (grad.shape[1], 1))
        return grad @ w, grad.t() @ x, grad.sum(0), None


class NeedsFirst(Linear):
    """The gradient of the weight comes out only where that of x is wanted too."""

    @staticmethod
    def backward(ctx, grad):
        x, w = ctx.saved_tensors
        if not ctx.needs_input_grad[0]:
            return None, torch.zeros_like(w), grad.sum(0), None
        return grad @ w, grad.t() @ x, grad.sum(0), None


class RaisesAlone(Linear):
    @staticmethod
    def backward(ctx, grad):
        x, w = ctx.saved_tensors
        grad_x = grad @ w if ctx.needs_input_grad[0] else None
        return grad_x.clone(), grad.t() @ x, grad.sum(0), None


class WritesIntoGrad(Linear):
    @staticmethod
    def backward(ctx, grad):
        x, w = ctx.saved_tensors
        grads = grad @ w, grad.t() @ x, grad.sum(0), None
        grad.mul_(2)
        return grads


class Square(torch.autograd.Function):
    @staticmethod
    def forward(x, power):
        return x**power

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.power = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return ctx.power * x ** (ctx.power - 1) * grad, None


class WrongSquare(Square):
    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return x ** (ctx.power - 1) * grad, None


class Largest(torch.autograd.Function):
    """Two outputs, of which the second counts places and has no gradient."""

    factor = 1.0

    @classmethod
    def forward(cls, ctx, x):
        values, places = x.max(dim=1)
        ctx.save_for_backward(places)
        ctx.shape = x.shape
        ctx.mark_non_differentiable(places)
        return values, places, 3.0 * values

    @classmethod
    def backward(cls, ctx, grad, _, thrice):
        (places,) = ctx.saved_tensors
        return cls.factor * (
            torch.zeros(ctx.shape, dtype=grad.dtype).scatter(1, places[:, None], (grad + 3.0 * thrice)[:, None])
        )


class HalfLargest(Largest):
    factor = 0.5


class Doubled(torch.autograd.Function):
    """Works in place, as mark_dirty allows."""

    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2)

    @staticmethod
    def backward(ctx, grad):
        return 2 * grad


@torch.library.custom_op("gradcheck_tests::scaled_sine", mutates_args=())
def scaled_sine(x: torch.Tensor, factor: float = 2.0) -> torch.Tensor:
    return factor * torch.sin(x)


@torch.library.custom_op("gradcheck_tests::strided", mutates_args=())
def wrong_if_strided(x: torch.Tensor) -> torch.Tensor:
    return torch.sin(x)


def _keep(ctx, inputs, output):
    ctx.save_for_backward(inputs[0])
    ctx.factor = inputs[1] if len(inputs) > 1 else 1.0


def _cosine(ctx, grad):
    return ctx.factor * torch.cos(ctx.saved_tensors[0]) * grad, None


def _cosine_if_contiguous(ctx, grad):
    held = grad if grad.is_contiguous() else grad.clone(memory_format=torch.contiguous_format).flip(0)
    return torch.cos(ctx.saved_tensors[0]) * held


scaled_sine.register_autograd(_cosine, setup_context=_keep)
wrong_if_strided.register_autograd(_cosine_if_contiguous, setup_context=_keep)


class Scaled(torch.nn.Module):
    """Its argument bears the name of a parameter, and what backward does is given from outside."""

    def __init__(self, function, **options):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.linspace(-1, 2, 20).reshape(5, 4))
        self.frozen = torch.nn.Parameter(torch.ones(5), requires_grad=False)
        self.register_buffer("shift", torch.full((5,), 0.25))
        self.function, self.options = function, options

    def forward(self, weight, scale=1.0):
        self.shift += 1.0
        return self.function.apply(weight, self.weight, self.frozen, scale) + self.shift


def swish(x):
    return x * torch.sigmoid(x)


def trained_otherwise(x):
    return torch.sin(x) if torch.is_grad_enabled() else torch.cos(x)


def codes(report):
    return {finding.code for finding in report.findings if finding.severity is not Severity.NOTE}


def wrong(report):
    return {name for name, one in report.arguments.items() if one.verdict is Verdict.DISAGREES}


AGREEING = {
    "Function": (Linear, LINEAR, "torch.autograd.Function"),
    "Function without its optional argument": (Linear, {"x": X, "w": W}, "torch.autograd.Function"),
    "Function with a constant": (Linear, {**LINEAR, "scale": 3.0}, "torch.autograd.Function"),
    "setup_context": (Square, {"x": X, "power": 3}, "torch.autograd.Function"),
    "several outputs": (Largest, {"x": X}, "torch.autograd.Function"),
    "in place": (Doubled, {"x": X}, "torch.autograd.Function"),
    "custom op": (scaled_sine, {"x": X}, "torch custom op"),
    "function": (swish, {"x": torch.from_numpy(X)}, "torch function"),
    "built in": (torch.sin, X, "torch function"),
}


@pytest.mark.parametrize(("layer", "inputs", "convention"), AGREEING.values(), ids=AGREEING)
def test_agrees_with_a_right_layer(layer, inputs, convention):
    report = check(layer, inputs)
    assert report.verdict is Verdict.AGREES, str(report)
    assert (report.convention, codes(report)) == (convention, set())


WRONG = {
    "Function": (ForgetsScale, {**LINEAR, "scale": 3.0}, {"x"}),
    "setup_context": (WrongSquare, {"x": X, "power": 3}, {"x"}),
    "several outputs": (HalfLargest, {"x": X}, {"x"}),
    "function": (lambda x: Square.apply(x, 2) + WrongSquare.apply(x, 2), {"x": X}, {"x"}),
    "module": (Scaled(ForgetsScale), {"weight": X, "scale": 3.0}, {"weight"}),
}


@pytest.mark.parametrize(("layer", "inputs", "arguments"), WRONG.values(), ids=WRONG)
def test_disagrees_where_a_layer_is_wrong(layer, inputs, arguments):
    report = check(layer, inputs, effort="quick")
    assert report.verdict is Verdict.DISAGREES, str(report)
    assert wrong(report) == arguments


def test_a_grad_output_reaches_torch_with_its_own_strides():
    report = check(wrong_if_strided, {"x": X})
    assert report.verdict is Verdict.DISAGREES
    finding = next(f for f in report.findings if f.code == "layout-wrong")
    assert "when grad_output is in Fortran's order" in finding.sentence
    assert "layout-wrong" in codes(check(ReadsAsContiguous, LINEAR))


def test_every_subset_of_gradients_is_asked_for_alone():
    report = check(NeedsFirst, LINEAR)
    finding = next(f for f in report.findings if f.code == "variant-wrong")
    assert report.verdict is Verdict.DISAGREES
    assert finding.sentence == "The gradient of `w` is off by 1 of its size when only `w` requires a gradient."
    refused = next(f for f in check(RaisesAlone, LINEAR).findings if f.code == "variant-refused")
    assert "when only `w` requires a gradient: RaisesAlone's backward raised AttributeError" in refused.sentence


def test_writing_into_grad_output_is_seen():
    report = check(WritesIntoGrad, LINEAR)
    assert report.verdict is Verdict.AGREES
    assert "mutates-grad-output" in codes(report)


def test_forward_must_be_the_same_without_a_graph():
    finding = next(f for f in check(trained_otherwise, {"x": X}).findings if f.code == "variant-forward")
    assert finding.sentence == "forward returns other outputs under torch.no_grad()."


def test_a_modules_parameters_are_arguments_and_its_buffers_stay_as_they_are():
    module = Scaled(Linear)
    report = check(module, {"weight": torch.from_numpy(X)})
    assert report.verdict is Verdict.AGREES, str(report)
    assert list(report.arguments) == ["weight", "self.weight"]  # `frozen` requires no gradient
    assert not codes(report) & {"forward-remembers", "random-forward"}
    assert float(module.shift[0]) == 0.25
    assert "in training mode, with buffers as they are: `shift`" in report.notes
    assert "`weight` taken in float32, as the layer's parameters are" in report.notes


def test_a_float32_module_is_measured_in_float64():
    report = check(Scaled(Linear), {"weight": X.astype(np.float32)}, effort="quick")
    assert report.dtype == "float32"
    assert report.arguments["weight"].resolution < 1e-5  # beyond what differences of float32 outputs can tell


def test_a_parameter_takes_the_callers_values():
    subject = subject_of(Scaled(Linear), {"weight": X, "self.weight": W.astype(np.float32)})
    np.testing.assert_array_equal(subject.inputs["self.weight"], W.astype(np.float32))
    with pytest.raises(InvalidInput, match=r"`self\.weight` must have the shape of the layer's own, \(5, 4\)"):
        subject_of(Scaled(Linear), {"weight": X, "self.weight": X})


def test_a_modules_parameters_keep_their_shapes():
    subject = subject_of(torch.nn.Linear(4, 3), {"input": X})
    fewer = {**subject.inputs, "weight": subject.inputs["weight"][:0]}
    with pytest.raises(LayerFailed, match=r"`weight` must keep its shape \(3, 4\); it has \(0, 4\)"):
        subject.fresh().forward(fewer)
    normed = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(4, 3))  # whose kernel divides by a size
    assert check(normed, {"input": X}).verdict is Verdict.AGREES


def test_dropout_is_inconclusive_and_leaves_torchs_random_state_alone():
    before = torch.get_rng_state()
    report = check(torch.nn.Dropout(), {"input": X})
    assert (report.verdict, report.reason) == (Verdict.INCONCLUSIVE, "random-forward")
    assert torch.equal(torch.get_rng_state(), before)
    assert check(torch.nn.Dropout().eval(), {"input": X}, effort="quick").verdict is Verdict.AGREES


def test_outputs_without_a_gradient_are_left_out_and_said():
    assert subject_of(Largest, {"x": X}).notes == ("output 1 is of dtype int64: left out",)


def test_an_output_that_is_cut_off_the_graph_claims_nothing():
    report = check(lambda x: torch.sin(x.detach()), {"x": X}, effort="quick")
    assert report.verdict is Verdict.DISAGREES
    assert "gradient-missing" in codes(report)


def test_labels_and_bfloat16_are_taken():
    loss = torch.nn.CrossEntropyLoss()
    assert check(loss, {"input": X, "target": np.array([0, 3, 1])}, effort="quick").verdict is Verdict.AGREES
    given = subject_of(swish, {"x": torch.ones(2, dtype=torch.bfloat16)}).inputs["x"]
    assert given.dtype == np.float32


REFUSED = {
    "a module's class": (torch.nn.Linear, {"x": X}, InvalidLayer, "be constructed; it is Linear"),
    "a missing argument": (Linear, {"x": X}, InvalidInput, r"it takes x, w, b, scale, and `w` is not given"),
    "an unknown argument": (swish, {"x": X, "z": X}, InvalidInput, r"argument of forward \(x\); `z` is not\."),
    "a forward that raises": (Linear, {"x": X, "w": W.T}, LayerFailed, "forward raised RuntimeError: mat1 and mat2"),
    "no tensor": (lambda x: (torch.sin(x), "a text")[1], {"x": X}, LayerFailed, "tensors; it returned a str"),
    "whole numbers": (torch.argmax, {"x": X}, LayerFailed, "a floating tensor; it returned none"),
    "nothing": (lambda x: torch.sin(x) and None, {"x": X[:1, :1]}, LayerFailed, "it returned none"),
}


@pytest.mark.parametrize(("layer", "inputs", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_refuses_with_a_sentence(layer, inputs, error, words):
    with pytest.raises(error, match=words):
        subject_of(layer, inputs)


@pytest.mark.parametrize(
    ("layout", "strides"),
    [
        (np.asfortranarray, (1, 3)),
        (lambda a: np.repeat(a, 2, axis=1)[:, ::2], (8, 2)),
        (lambda a: np.broadcast_to(a[:1], a.shape), (0, 1)),
        (np.flip, (4, 1)),  # torch has no negative strides
    ],
)
def test_a_tensor_has_the_strides_of_its_array(layout, strides):
    seen = []
    subject = subject_of(lambda x: seen.append(x) or torch.sin(x), {"x": X})
    array = layout(X)
    Instrument(subject).forward_in_use(subject.fresh(), {"x": array})
    assert seen[-1].stride() == strides
    np.testing.assert_array_equal(seen[-1].detach().numpy(), array)
