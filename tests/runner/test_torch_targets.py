"""What a file with torch in it holds is read as what it is: a module, a Function, a case, a bare function."""

import sys

import pytest

pytest.importorskip("torch", reason='needs the extra "torch"')

from gradcheck import Verdict, check
from gradcheck.runner.building import build
from gradcheck.runner.job import Job

FILE = """
import torch


class Scale(torch.nn.Module):
    def __init__(self, size, start=2.0):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((size,), start))

    def forward(self, x, power=1):
        return self.weight * x**power


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor=2):
        ctx.factor = factor
        return factor * x

    @staticmethod
    def backward(ctx, grad):
        return ctx.factor * grad, None


def by_hand(x):
    given = torch.tensor(x, requires_grad=True)
    output = Double.apply(given)
    return output.detach().numpy(), lambda grad: torch.autograd.grad(output, given, torch.tensor(grad))[0].numpy()


def never_named(x):
    return x * x.sigmoid()
"""

TARGETS = {
    "Scale": ({"size": "4", "power": "2"}, "torch.nn.Module", ["x", "weight"]),
    "Double": ({"factor": "3"}, "torch.autograd.Function", ["x"]),
    "by_hand": ({}, "case", ["x"]),
    "never_named": ({}, "torch function", ["x"]),  # its file imports torch and no other framework
}


@pytest.mark.parametrize(("name", "args", "convention", "arguments"), [(n, *row) for n, row in TARGETS.items()])
def test_a_target_is_read_as_what_it_is(name, args, convention, arguments, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.path", list(sys.path))
    file = tmp_path / f"target_{name}.py"
    file.write_text(FILE)
    subject = build(Job(f"{file}:{name}", {"x": "3,4"}, args)).subject
    assert (subject.convention, list(subject.inputs)) == (convention, arguments)
    assert check(subject, effort="quick").verdict is Verdict.AGREES
