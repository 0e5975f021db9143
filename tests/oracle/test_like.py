"""`--like`: strangers' layers in their own styles, right and wrong, held to our layers."""

import sys
from types import SimpleNamespace

import pytest

from gradcheck.errors import InvalidInput
from gradcheck.oracle.like.kinds import KINDS
from gradcheck.oracle.like.names import KIND_NAMES
from gradcheck.oracle.like.performing import hold, perform_like
from gradcheck.report import plain
from gradcheck.report.as_json import read_entry
from gradcheck.runner.checking import task_of
from gradcheck.runner.job import Job
from gradcheck.verdict import Severity, Verdict

LAYERS = '''
import numpy as np
from gradcheck import layers as ours

class Conv:
    """NCHW, attributes, one size for all axes."""
    def __init__(self, in_channels, num_filters, filter_size, stride=1, pad=0):
        size = filter_size if isinstance(filter_size, tuple) else (filter_size, filter_size)
        self.W = np.random.randn(num_filters, in_channels, *size)
        self.b = np.zeros(num_filters)
        self.stride, self.pad = stride, pad
    def read(self, x): return x
    def layer(self): return ours.Conv(self.stride, self.pad)
    def forward(self, x):
        self.x = self.read(x)
        return self.layer().forward(self.x, self.W, self.b)
    def backward(self, grad):
        grad_x, self.dW, self.db = self.layer().backward(grad, self.x, self.W, self.b)
        return grad_x

class PadsTwice(Conv):
    def layer(self): return ours.Conv(self.stride, 2 * self.pad)

class DropsFirstRows(Conv):
    """Drops rows in front where the stride does not fit, and gives them no gradient."""
    def extra(self, size): return (size + 2 * self.pad - self.W.shape[2]) % self.stride if not self.pad else 0
    def read(self, x): self.shape = x.shape; return x[:, :, self.extra(x.shape[2]):]
    def backward(self, grad):
        out = np.zeros(self.shape)
        out[:, :, self.extra(self.shape[2]):] = super().backward(grad)
        return out

class WrongWithPadding(Conv):
    def backward(self, grad):
        grad_x = super().backward(grad)
        if self.pad: grad_x[:, :, 0] = 0
        return grad_x

class WrongForRectangles(Conv):
    def backward(self, grad):
        grad_x = super().backward(grad)
        if self.W.shape[2] != self.W.shape[3]: self.dW = self.dW[:, :, ::-1]
        return grad_x

class SwapsSides(Conv):
    def forward(self, x):
        if x.shape[2] != x.shape[3]: return np.zeros((2, 3)) @ np.zeros((2, 3))
        return super().forward(x)

class Refuses(Conv):
    def forward(self, x):
        assert (x.shape[2] + 2 * self.pad - self.W.shape[2]) % self.stride == 0, "stride must fit"
        return super().forward(x)

class RefusesAll(Conv):
    def __init__(self, in_channels, num_filters, filter_size, stride=1, pad=0):
        super().__init__(in_channels, num_filters, filter_size, stride, pad)
        self.calls = 0
    def forward(self, x):
        if x.shape[0] != 2 or x.shape[2:] != (6, 7): raise NotImplementedError("not yet")
        return super().forward(x)

class KeepsTheFirstBatch(Conv):
    def forward(self, x):
        if not hasattr(self, "first"): self.first = x
        return super().forward(x)
    def backward(self, grad):
        self.x = self.first
        return super().backward(grad)

class ReadsRawMemory(Conv):
    def read(self, x): return np.lib.stride_tricks.as_strided(x, x.shape, np.ascontiguousarray(x).strides)

class NoBiasGradient(Conv):
    def backward(self, grad):
        grad_x = super().backward(grad)
        self.db = np.zeros(3)
        return grad_x

class IgnoresDilation:
    def __init__(self, stride=1, padding=0, dilation=1): self.layer = ours.Conv(stride, padding)
    def forward(self, x, w, b): return self.layer.forward(x, w, b)
    def backward(self, grad_output, x, w, b): return self.layer.backward(grad_output, x, w, b)

class Same:
    """NHWC, HWIO, made at the first forward, padding in words."""
    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid"):
        self.size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
        self.filters, self.layer, self.W = filters, ours.Conv(strides, padding), None
    def forward(self, x):
        if self.W is None: self.W = np.random.randn(*self.size, x.shape[3], self.filters)
        self.x, self.w = x.transpose(0, 3, 1, 2), self.W.transpose(3, 2, 0, 1)
        return self.layer.forward(self.x, self.w).transpose(0, 2, 3, 1)
    def backward(self, grad):
        grad_x, grad_w = self.layer.backward(grad.transpose(0, 3, 1, 2), self.x, self.w)
        self.dW = grad_w.transpose(2, 3, 1, 0)
        return grad_x.transpose(0, 2, 3, 1)

class Single:
    """One image without channels, 3 x 3 built in, filters last in the output."""
    def __init__(self, num_filters): self.filters = np.random.randn(num_filters, 3, 3)
    def forward(self, image):
        self.image = image
        return ours.Conv().forward(image[None, None], self.filters[:, None])[0].transpose(1, 2, 0)
    def backward(self, grad):
        grad = grad.transpose(2, 0, 1)[None]
        grad_x, grad_w = ours.Conv().backward(grad, self.image[None, None], self.filters[:, None])
        self.d_filters = grad_w[:, 0]
        return grad_x[0, 0]

def conv(x, w, b, conv_param):
    return ours.Conv(conv_param["stride"], conv_param.get("pad", 0), flip=True).forward(x, w, b)
def conv_back(grad_output, x, w, b, conv_param):
    return ours.Conv(conv_param["stride"], conv_param.get("pad", 0), flip=True).backward(grad_output, x, w, b)

def pool(A_prev, hparameters, mode="max"):
    return layer(hparameters, mode).forward(A_prev.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
def pool_back(dA, A_prev, hparameters, mode="max"):
    grad, x = dA.transpose(0, 3, 1, 2), A_prev.transpose(0, 3, 1, 2)
    return layer(hparameters, mode).backward(grad, x).transpose(0, 2, 3, 1)
def layer(hparameters, mode):
    if mode not in ("max", "average"): raise ValueError(mode)
    return (ours.MaxPool if mode == "max" else ours.AvgPool)(hparameters["f"], hparameters["stride"])

class Crop:
    """2 x 2, built in."""
    def forward(self, x): self.x = x; return ours.MaxPool(2).forward(x)
    def backward(self, grad): return ours.MaxPool(2).backward(grad, self.x)

class Dense:
    def __init__(self, n_in, units): self.W, self.b = np.random.randn(n_in, units), np.zeros((1, units))
    def forward(self, x): self.x = x; return x @ self.W + self.b
    def backward(self, d):
        self.dW, self.db = self.x.T @ d, d.sum(0, keepdims=True)
        return d @ self.W.T

class Averages(Dense):
    def backward(self, d):
        grad_x = super().backward(d)
        self.dW = self.dW / len(d)
        return grad_x

def columns(A, W, b): return W @ A + b
def columns_back(dZ, A, W, b): return W.T @ dZ, dZ @ A.T, dZ.sum(1, keepdims=True)

class Tanh:
    def forward(self, x): self.y = np.tanh(x); return self.y
    def backward(self, d): return d * (1 - self.y ** 2)

class ScaledTanh(Tanh):
    def forward(self, x): return 1.1 * super().forward(x)
    def backward(self, d): return 1.1 * super().backward(d)

class Norm:
    def __init__(self, dim, eps=1e-8):
        self.gamma, self.beta, self.layer = np.ones(dim), np.zeros(dim), ours.BatchNorm(eps)
    def forward(self, x, training=True): self.x = x; return self.layer.forward(x, self.gamma, self.beta)
    def backward(self, d):
        grad_x, self.dgamma, self.dbeta = self.layer.backward(d, self.x, self.gamma, self.beta)
        return grad_x

def loss(y_pred, y_true):
    return ours.SoftmaxCrossEntropy("sum").forward(y_pred, y_true.argmax(1))
def loss_back(grad_output, y_pred, y_true):
    return ours.SoftmaxCrossEntropy("sum").backward(np.asarray(grad_output), y_pred, y_true.argmax(1))[0]

class Spread:
    def __init__(self, c_in, c_out, k, stride=1, padding=0):
        self.weight, self.layer = np.random.randn(c_in, c_out, k, k), ours.ConvTranspose(stride, padding)
    def forward(self, x): self.x = x; return self.layer.forward(x, self.weight)
    def backward(self, d):
        grad_x, self.grad_weight = self.layer.backward(d, self.x, self.weight)
        return grad_x

class Line:
    def __init__(self, stride=1): self.layer = ours.Conv(stride)
    def forward(self, x, w): return self.layer.forward(x, w)
    def backward(self, grad_output, x, w): return self.layer.backward(grad_output, x, w)

class Puzzling(Conv):
    def __init__(self, in_channels, num_filters, filter_size, riddle): pass
'''


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """Hold a target to a kind, once for the whole module."""
    path = tmp_path_factory.mktemp("like") / "strangers.py"
    path.write_text(LAYERS)
    known = {}

    def hold_once(name, kind="conv2d", **options):
        key = (name, kind, *sorted(map(str, options.items())))
        if key not in known:
            job = Job(f"{path}:{name}", **{"effort": "quick", "timeout": 600.0, "like": kind, **options})
            kept = list(sys.path)
            try:
                stages = []
                result = hold(job, lambda stage, *_: stages.append(stage))
            finally:
                sys.path[:] = kept
                sys.modules.pop("strangers", None)
            known[key] = SimpleNamespace(result=result, stages=stages)
        return known[key].result

    return hold_once


def test_the_names_of_the_kinds_are_those_of_the_table():
    assert tuple(KINDS) == KIND_NAMES


RIGHT = [
    ("Conv", "conv2d", "x is the input NCHW, W is the weight OIHW, b is the bias O, the output NOHW"),
    ("Same", "conv2d", "x is the input NHWC, W is the weight HWIO, the output NHWO"),
    ("Single", "conv2d", "image is the input HW, filters is the weight OHW, the output HWO"),
    ("conv,conv_back", "conv2d", "conv_param['stride'], conv_param['pad'] as padding"),
    ("conv,conv_back", "conv2d", "read as: kernel rotated by 180 degrees (true convolution)"),
    ("pool,pool_back", "max_pool2d", "A_prev is the input NHWC, the output NHWC"),
    ("pool,pool_back", "avg_pool2d", "hparameters['f'] as kernel, hparameters['stride'], mode"),
    ("Crop", "max_pool2d", "built in: kernel 2x2, stride kernel"),
    ("Dense", "linear", "x is the input NC, W is the weight IO, b is the bias 1O, the output NO"),
    ("columns,columns_back", "linear", "A is the input CN, W is the weight OI, b is the bias O1, the output ON"),
    ("Tanh", "activation", "read as: tanh"),
    ("Norm", "batch_norm", "read as: epsilon 1e-08"),
    ("loss,loss_back", "softmax_cross_entropy", "y_pred is the input NC, y_true is the target NC"),
    ("loss,loss_back", "softmax_cross_entropy", "read as: summed over the batch, not averaged"),
    ("Spread", "conv_transpose2d", "x is the input NCHW, weight is the weight IOHW, the output NOHW"),
    ("Line", "conv1d", "x is the input NCW, w is the weight OIW, the output NOW"),
    ("Line", "conv3d", "x is the input NCDHW, w is the weight OIDHW, the output NODHW"),
]


@pytest.mark.parametrize(("name", "kind", "mapping"), RIGHT, ids=[f"{n}-{k}-{m[:18]}" for n, k, m in RIGHT])
def test_a_right_layer_agrees_in_its_own_layout_and_the_mapping_is_told(held, name, kind, mapping):
    report = held(name, kind)
    assert report.verdict is Verdict.AGREES, str(report)
    assert not [finding for finding in report.findings if finding.code.startswith("not-like")]
    assert mapping in " ".join(report.notes)
    tally = next(note for note in report.notes if " configurations: " in note)
    assert "disagrees" not in tally
    assert "raised" not in tally


WRONG = [
    ("WrongWithPadding", "(1x1x1x1 input, 1x1 kernel, padding (0, 1))", "x"),
    ("WrongForRectangles", "(1x1x2x1 input, 2x1 kernel)", "W"),
]


@pytest.mark.parametrize(("name", "smallest", "argument"), WRONG)
def test_a_wrong_gradient_is_shrunk_to_the_smallest_setting_that_shows_it(held, name, smallest, argument):
    report = held(name)
    assert report.verdict is Verdict.DISAGREES
    assert report.target.endswith(f"{name} like conv2d {smallest}")
    assert [n for n, one in report.arguments.items() if one.verdict is Verdict.DISAGREES] == [argument]


UNLIKE = [
    (
        "PadsTwice",
        "(1x1x1x1 input, 1x1 kernel, padding 1)",
        "its output has the shape (1, 1, 5, 5), that of conv2d",
    ),
    ("DropsFirstRows", "(1x1x2x1 input, 1x1 kernel, stride", "output[0, 0, 0, 0] is"),
    ("IgnoresDilation", "(1x1x1x3 input, 1x2 kernel, dilation (1, 2))", "its output has the shape (1, 1, 1, 2)"),
]


@pytest.mark.parametrize(("name", "smallest", "words"), UNLIKE)
def test_a_layer_that_computes_something_else_agrees_with_the_finding(held, name, smallest, words):
    report = held(name)
    assert report.verdict is Verdict.AGREES
    assert smallest in report.target
    finding = report.findings[0]
    assert (finding.code, finding.severity) == ("not-like-conv2d", Severity.ERROR)
    assert finding.sentence.startswith(words)
    assert f"its gradient is right, but it computes something else than conv2d: {words}" in str(report).replace(
        "\n  ", " "
    )


def test_a_difference_may_be_allowed(held):
    report = held("PadsTwice", no_like_error=True)
    assert [(f.code, f.severity) for f in report.findings][:1] == [("not-like-conv2d", Severity.WARNING)]


def test_a_function_of_a_known_name_is_held_to_that(held):
    finding = held("ScaledTanh", "activation").findings[0]
    assert finding.code == "not-like-activation"
    assert "that of tanh" in finding.sentence


def test_a_gradient_averaged_over_the_batch_disagrees_though_the_output_is_right(held):
    report = held("Averages", "linear")
    assert report.verdict is Verdict.DISAGREES
    assert "2x1 input" in report.target
    assert not [note for note in report.notes if "in no layout" in note]


def test_a_gradient_that_cannot_be_compared_is_judged(held):
    assert held("NoBiasGradient").verdict is Verdict.DISAGREES


def test_what_a_layer_refuses_is_counted_and_no_failure(held):
    report = held("Refuses")
    assert report.verdict is Verdict.AGREES
    assert "27 configurations: 22 agrees, 5 rejected" in report.notes
    assert any(note.startswith("rejected: stride 2 that does not fit (2x3x6x8 input") for note in report.notes)


def test_a_layer_that_raises_in_some_settings_has_raised_at_the_smallest(held):
    failure = held("SwapsSides")
    assert failure.kind == "raised"
    assert failure.target.endswith("like conv2d (1x1x1x2 input, 1x1 kernel)")
    assert "forward raised ValueError" in failure.sentence
    assert "23 raised" in failure.sentence


HANDLED = [
    ("KeepsTheFirstBatch", "(1x1x1x1 input, 1x1 kernel, the second batch through one object)"),
    ("ReadsRawMemory", "input, 1x1 kernel, arrays that are not contiguous)"),
]


@pytest.mark.parametrize(("name", "smallest"), HANDLED)
def test_a_layer_is_tried_with_two_batches_and_with_arrays_that_are_not_contiguous(held, name, smallest):
    report = held(name)
    assert smallest in report.target
    assert report.findings[0].code == "not-like-conv2d"


def test_a_setting_that_the_caller_has_settled_is_not_swept(held):
    report = held("Conv", args={"stride": "2", "pad": "1"})
    assert "stride 2, padding 1" in report.target
    assert "arguments by name: in_channels as channels, num_filters as filters, filter_size as kernel" in report.notes


def test_axes_that_the_caller_names_are_the_only_ones_tried(held):
    with pytest.raises(InvalidInput, match="could not be run like a conv2d"):
        held("Single", inputs={"image": "NCHW"})
    with pytest.raises(InvalidInput, match="an input must be given by its axes, NCHW in any order"):
        held("Conv", inputs={"x": "2,3,4,5"})


def test_an_argument_without_a_counterpart_is_asked_for(held):
    with pytest.raises(
        InvalidInput, match=r"`riddle` has none by its name. Give its value, for instance --arg riddle=3"
    ):
        held("Puzzling")


def test_a_sweep_that_lacks_time_says_so(held):
    report = held("Conv", timeout=0.001)
    assert "of 27, for lack of time (--timeout)" in " ".join(report.notes)


def test_a_job_in_plain_data_is_answered_by_a_result_in_plain_data(tmp_path):
    target = tmp_path / "nothing.py"
    target.write_text("class Conv: pass")
    kept = list(sys.path)
    job = Job(f"{target}:Conv", like="conv2d")
    failure = read_entry(perform_like(plain.dump(job), lambda *_: None))
    sys.path[:] = kept
    assert task_of(job).kind == "like"
    assert failure.kind == "usage"
    assert "must have a forward that takes an input to be like a conv2d" in failure.sentence


def test_a_kind_that_is_none_is_refused():
    with pytest.raises(InvalidInput, match=r"`like` must be one of conv2d, .*; it is 'conv2'; did you mean"):
        hold(Job("a:b", like="conv2"), lambda *_: None)
