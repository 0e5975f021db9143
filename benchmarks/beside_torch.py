"""Eleven layers through torch.autograd.gradcheck, torch.library.opcheck and gradcheck: the table of docs/compared.md.

    python benchmarks/beside_torch.py

Needs the extra `torch`. Every checker runs with its defaults; "-" where it has no place for the layer.
"""

import warnings
from typing import Any

import numpy as np
import torch

import gradcheck

RNG = np.random.default_rng(0)


class Sine(torch.autograd.Function):
    """Right; the others change one thing."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return torch.sin(x)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        return torch.cos(ctx.saved_tensors[0]) * grad


class WrongIfStrided(Sine):
    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        held = grad if grad.is_contiguous() else grad.flip(0)
        return torch.cos(ctx.saved_tensors[0]) * held


class OneEntryZeroed(Sine):
    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        found = torch.cos(ctx.saved_tensors[0]) * grad
        found.view(-1)[found.numel() // 2] = 0
        return found


class SmallError(Sine):
    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        return torch.cos(ctx.saved_tensors[0]) * grad * (1 + 5e-4)


class WritesIntoGrad(Sine):
    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        return grad.mul_(torch.cos(ctx.saved_tensors[0]))


class WrongBeyondFour(Sine):
    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        x = ctx.saved_tensors[0]
        return torch.where(x.abs() > 4, 0.0, torch.cos(x)) * grad


class WrongAlone(torch.autograd.Function):
    """Right for both gradients, wrong where only the second is asked for."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, w)
        return x * w

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, w = ctx.saved_tensors
        return grad * w, grad * x * (1.0 if ctx.needs_input_grad[0] else 2.0)


class Relu(torch.autograd.Function):
    claim = 0.0

    @classmethod
    def forward(cls, ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return torch.clamp(x, min=0)

    @classmethod
    def backward(cls, ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        x = ctx.saved_tensors[0]
        return torch.where(x > 0, 1.0, torch.where(x == 0, cls.claim, 0.0)) * grad


class TwoAtZero(Relu):
    claim = 2.0


@torch.library.custom_op("beside_torch::strided", mutates_args=())
def strided_op(x: torch.Tensor) -> torch.Tensor:
    """Return the sine; the backward below is wrong where grad_output is strided."""
    return torch.sin(x)


def _backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
    held = grad if grad.is_contiguous() else grad.clone(memory_format=torch.contiguous_format).flip(0)
    return torch.cos(ctx.saved_tensors[0]) * held


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:  # noqa: ARG001 - torch's signature
    ctx.save_for_backward(inputs[0])


strided_op.register_autograd(_backward, setup_context=_keep)
strided_op.register_fake(torch.empty_like)

X = RNG.standard_normal((4, 5))
ROWS: tuple[tuple[str, bool, Any, tuple[Any, ...]], ...] = (
    ("right", True, Sine, (X,)),
    ("right, in float32", True, Sine, (X.astype(np.float32),)),
    ("ReLU at 0 that claims 0 there", True, Relu, (np.array([-1.0, 0.0, 2.0]),)),
    ("ReLU at 0 that claims 2 there", False, TwoAtZero, (np.array([-1.0, 0.0, 2.0]),)),
    ("wrong where grad_output is strided", False, WrongIfStrided, (X,)),
    ("the same, as a custom op", False, strided_op, (X,)),
    ("wrong where only one gradient is asked for", False, WrongAlone, (X, X + 1)),
    ("one entry of 1000 zeroed", False, OneEntryZeroed, (RNG.standard_normal(1000),)),
    ("off by 5e-4 throughout", False, SmallError, (X,)),
    ("wrong where |x| > 4, at |x| < 3", False, WrongBeyondFour, (X,)),
    ("writes into grad_output", False, WritesIntoGrad, (X,)),
)


def by_torch(layer: Any, inputs: tuple[Any, ...], *, fast: bool) -> bool:
    """Tell whether torch.autograd.gradcheck passes the layer."""
    call = layer.apply if isinstance(layer, type) else layer
    tensors = tuple(torch.tensor(value, requires_grad=True) for value in inputs)
    return bool(torch.autograd.gradcheck(call, tensors, fast_mode=fast, raise_exception=False))


def by_opcheck(layer: Any, inputs: tuple[Any, ...]) -> bool | None:
    """Tell whether torch.library.opcheck passes a custom op; None for what is none."""
    if isinstance(layer, type):
        return None
    tensors = tuple(torch.tensor(value, requires_grad=True) for value in inputs)
    done = torch.library.opcheck(layer, tensors, raise_exception=False)
    return all(result == "SUCCESS" for result in done.values())


def by_us(layer: Any, inputs: tuple[Any, ...]) -> bool:
    """Tell whether gradcheck passes the layer, warnings counted as findings where the row is about manners."""
    names = ("x", "w")[: len(inputs)]
    report = gradcheck.check(layer, dict(zip(names, inputs, strict=True)), errors=("mutates-grad-output",))
    return str(report.verdict) == "agrees"


def main() -> None:
    """Print the table in Markdown."""
    warnings.simplefilter("ignore")
    print("| layer | torch slow | torch fast | opcheck | gradcheck |\n| --- | --- | --- | --- | --- |")
    for name, right, layer, inputs in ROWS:
        answers = (
            by_torch(layer, inputs, fast=False),
            by_torch(layer, inputs, fast=True),
            by_opcheck(layer, inputs),
            by_us(layer, inputs),
        )
        cells = ("-" if one is None else _word(one, right) for one in answers)
        print(f"| {name} | {' | '.join(cells)} |")


def _word(passed: bool, right: bool) -> str:
    if right:
        return "passed" if passed else "**accused**"
    return "**passed**" if passed else "caught"


if __name__ == "__main__":
    main()
