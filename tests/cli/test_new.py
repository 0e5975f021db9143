"""`gradcheck new`: a case for any target, which runs at once and is never written over."""

import ast
import sys

import pytest

from gradcheck import Verdict, check
from gradcheck.cli import main
from gradcheck.runner.building import build
from gradcheck.runner.job import Job

FILE = '''
import numpy as np


class Linear:
    """Keeps its input; gradients in attributes; the rate is backward's own."""

    def __init__(self, size, bias=True):
        self.w = np.random.randn(size, 2)
        self.b = np.zeros(2)

    def forward_pass(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward_pass(self, grad, learning_rate):
        self.dw = self.x.T @ grad
        self.db = grad.sum(0)
        return grad @ self.w.T


class Sine:
    def __call__(self, x):
        self.cosine = np.cos(x)
        return np.sin(x)


class Silent:
    """Leaves the gradient of its input in an attribute."""

    def forward(self, x):
        self.x = x
        return np.sin(x)

    def backward(self, grad):
        self.dx = grad * np.cos(self.x)


class Nothing:
    pass


def affine(x, w, scale=2.0):
    return scale * (x @ w), (x, w, scale)


def affine_back(dout, cache):
    x, w, scale = cache
    return scale * (dout @ w.T), scale * (x.T @ dout)


def square(x):
    return x * x


def square_back(grad, x):
    return 2 * x * grad


def half_square(x, y):
    return 0.5 * np.sum((x - y) ** 2), x - y
'''

TORCH = """
import torch


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor=2):
        ctx.factor = factor
        return factor * x

    @staticmethod
    def backward(ctx, grad):
        return ctx.factor * grad, None


class Net(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.linear = torch.nn.Linear(size, 2)

    def forward(self, x):
        return self.linear(x)


def swish(x):
    return x * torch.sigmoid(x)
"""

JAX = """
import jax.numpy as jnp


def soft(x, w):
    return jnp.logaddexp(0.0, x @ w)
"""


AUTOGRAD = """
import autograd.numpy as anp


def tanh(x, w):
    return anp.tanh(x @ w)
"""

TINYGRAD = """
from tinygrad import Tensor


def gate(x: Tensor):
    return x * x.sigmoid()
"""


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "mine.py").write_text(FILE)
    (tmp_path / "nets" / "of_torch.py").write_text(TORCH)
    (tmp_path / "nets" / "of_jax.py").write_text(JAX)
    (tmp_path / "nets" / "of_autograd.py").write_text(AUTOGRAD)
    (tmp_path / "nets" / "of_tinygrad.py").write_text(TINYGRAD)
    monkeypatch.setenv("DEV", "PYTHON")  # tinygrad's interpreter, which needs no compiler
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("mine", "of_torch", "of_jax", "of_autograd", "of_tinygrad"):
        monkeypatch.delitem(sys.modules, name, raising=False)

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["new", *arguments])
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return run


RUNS = {
    "a class": ("mine.py:Linear", {"x": "2,3"}, {"x"}),
    "a class whose backward returns nothing": ("mine.py:Silent", {"x": "2,3"}, {"x"}),
    "a pair with a cache": ("mine.py:affine,affine_back", {"x": "2,3", "w": "3,2"}, {"x", "w"}),
    "a pair": ("mine.py:square,square_back", {"x": "2,3"}, {"x"}),
    "a loss with its gradient": ("mine.py:half_square", {"x": "2,3", "y": "2,3"}, {"x"}),
    "a torch Function": ("of_torch.py:Double", {"x": "2,3"}, {"x"}),
    "a torch module": ("of_torch.py:Net", {"x": "2,3"}, {"x"}),
    "a torch function": ("of_torch.py:swish", {"x": "2,3"}, {"x"}),
    "a jax function": ("of_jax.py:soft", {"x": "2,3", "w": "3,2"}, {"x", "w"}),
    "an autograd function": ("of_autograd.py:tanh", {"x": "2,3", "w": "3,2"}, {"x", "w"}),
    "a tinygrad function": ("of_tinygrad.py:gate", {"x": "2,3"}, {"x"}),
}


@pytest.mark.parametrize(("target", "inputs", "judged"), RUNS.values(), ids=RUNS)
def test_what_is_written_runs_at_once(run, target, inputs, judged):
    if "of_" in target:
        pytest.importorskip(target.partition("of_")[2].partition(".")[0])
    assert run(f"nets/{target}", "-o", "written.py") == (0, "", "wrote written.py\n")
    subject = build(Job("written.py:case", inputs)).subject
    report = check(subject, effort="quick")
    assert report.verdict is Verdict.AGREES, str(report)
    assert {n for n, one in report.arguments.items() if one.verdict is Verdict.AGREES} == judged


def test_parameters_are_proposed_with_the_places_of_their_gradients(run):
    _, text, _ = run("nets/mine.py:Linear")
    assert "# To check w, b too: add them to the arguments above, and to the gradients below." in text
    assert "    # layer.w = w\n" in text
    assert '            # "w": layer.dw,\n            # "b": layer.db,\n' in text
    mended = text.replace("def case(x,", "def case(x, w, b,").replace("# layer.", "layer.").replace('# "', '"')
    compile(mended, "mended.py", "exec")


def test_what_has_no_backward_is_left_to_be_filled_in(run):
    _, text, _ = run("nets/mine.py:Sine")
    assert "There is no backward that could be told by its name: call it here." in text
    _, text, _ = run("nets/mine.py:square")
    assert "# Call the backward pass of square here." in text
    ast.parse(text)


def test_a_module_is_found_without_being_imported(run, tmp_path):
    (tmp_path / "nets" / "__init__.py").write_text("raise RuntimeError('imported')")
    code, text, _ = run("nets.mine:square,square_back")
    assert code == 0
    assert "from nets.mine import square, square_back" in text
    assert "nets" not in sys.modules


REFUSED = {
    "a file that exists": (
        ("nets/mine.py:square", "-o", "nets/mine.py"),
        "-o must name a file that does not exist yet",
    ),
    "a folder that does not": (("nets/mine.py:square", "-o", "no/x.py"), "-o must name a file that can be written"),
    "a misspelt name": (("nets/mine.py:Linaer",), "there is no 'Linaer'; did you mean `Linear`"),
    "a module that is not there": (("nets.yours:f",), "there is no module 'yours'"),
    "a module without source": (("math:sin",), "must have a source in Python; 'math' has none"),
    "nothing to call": (("nets/mine.py:Nothing",), "a class must have a method that can be called; Nothing has none"),
}


@pytest.mark.parametrize(("arguments", "words"), REFUSED.values(), ids=REFUSED)
def test_refuses_with_a_sentence(run, arguments, words):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_source_that_is_no_python_is_refused(run, tmp_path):
    (tmp_path / "broken.py").write_text("def f(:")
    assert "must be Python that can be parsed" in run("broken.py:f")[2]
