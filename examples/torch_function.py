r"""A torch.autograd.Function with a hand-written backward. Needs the extra `torch`.

gradcheck check examples/torch_function.py:Swish examples/torch_function.py:WrongSwish \
  --input x=3,4 --input beta=()
"""

import torch


class Swish(torch.autograd.Function):
    """x sigmoid(beta x), with a slope that is learned."""

    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, grad_output):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        grad_x = grad_beta = None
        if ctx.needs_input_grad[0]:
            grad_x = grad_output * (s + beta * x * s * (1 - s))
        if ctx.needs_input_grad[1]:
            grad_beta = (grad_output * x * x * s * (1 - s)).sum()
        return grad_x, grad_beta


class WrongSwish(Swish):
    """The gradient of the slope is right only where that of x is asked for too."""

    @staticmethod
    def backward(ctx, grad_output):
        grad_x, grad_beta = Swish.backward(ctx, grad_output)
        if not ctx.needs_input_grad[0]:
            grad_beta = grad_beta / grad_output.numel()
        return grad_x, grad_beta
