"""The zoo's cases through other checkers with their defaults, each by its natural way to bring one's own backward.

Every peer gets the same layer, point and arrays; an answer is "caught" where the peer fails or refuses the layer,
"passes" where it is content, and "n/a" where its interface has no place for the case.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, Tricky, point_of

CAUGHT, PASSES, NOT_EXPRESSIBLE = "caught", "passes", "n/a"
# What an interface of immutable arrays, or of one flat vector, has no place for.
IMMUTABLE = frozenset({"mutates-grad-output", "mutates-input", "aliases", "strided"})
FLAT = IMMUTABLE | {"wrong-count", "zero-cotangent", "missing"}
# scipy.optimize.check_grad returns an error and leaves the judgement to the caller; this share of the gradient's
# length is about a hundred times what its forward differences cost on smooth layers.
SCIPY_SHARE = 1e-5
# Floating constants, for which these right layers claim no gradient.
UNCLAIMED = {
    "tricky-domains/probabilities/fused-softmax-one-hot": ("target",),
    "tricky-domains/binary/targets-of-0-and-1": ("target",),
    "tricky-domains/binary/mask-of-floats": ("mask",),
    "tricky-domains/binary/squared-mask": ("mask",),
    "tricky-manners/result/none-for-float-constant": ("scale",),
    "tricky-adversary/domain/soft-targets-fused": ("t",),
    "tricky-adversary/domain/clipped-entropy": ("t",),
    "tricky-adversary/domain/float-labels": ("label",),
    "tricky-adversary/domain/hinge-of-signs": ("y",),
    "tricky-adversary/mask/additive-unclaimed": ("mask",),
}


class Unfit(Exception):
    """The peer's interface has no place for this case."""


@dataclass(frozen=True)
class Problem:
    """A case as every peer sees it: floating arrays in, arrays out, and one gradient for each of them."""

    case: Fault | Tricky
    layer: Any
    point: dict[str, Any]

    @classmethod
    def of(cls, case: Fault | Tricky) -> "Problem":
        """Make a fresh layer at the case's point."""
        return cls(case, case.make(), dict(point_of(case)))

    @property
    def names(self) -> list[str]:
        """The arguments under test; the others are constants that a peer never sees."""
        floating = [n for n, v in self.point.items() if isinstance(v, np.ndarray) and v.dtype.kind == "f"]
        return [n for n in floating if n not in UNCLAIMED.get(self.case.name, ())]

    @property
    def arrays(self) -> list[Any]:
        """The values of the floating inputs."""
        return [self.point[n] for n in self.names]

    @property
    def code(self) -> str:
        """The class of the mistake; empty for a right layer."""
        return self.case.code if isinstance(self.case, Fault) else ""

    def forward(self, *arrays: Any) -> list[Any]:
        """Return the outputs as a list."""
        returned = self.layer.forward(*self._all(arrays))
        return [np.asarray(o) for o in (returned if isinstance(returned, (tuple, list)) else (returned,))]

    def backward(self, grads: list[Any], *arrays: Any) -> list[Any]:
        """Return what backward claims, one entry a floating input."""
        returned = self.layer.backward(grads[0] if len(grads) == 1 else tuple(grads), *self._all(arrays))
        if isinstance(returned, dict):
            if not set(returned) <= set(self.point):
                raise Unfit
            return [returned.get(n) for n in self.names]
        if not isinstance(returned, (tuple, list)):
            return [returned]
        if isinstance(returned, list) and len(self.names) == 1 and np.shape(returned) == self.arrays[0].shape:
            return [np.asarray(returned)]
        if len(returned) == len(self.names):
            return list(returned)
        if len(returned) == len(self.point):
            return [d for n, d in zip(self.point, returned, strict=True) if n in self.names]
        return list(returned)

    def _all(self, arrays: Any) -> list[Any]:
        given = dict(zip(self.names, arrays, strict=True))
        return [given.get(n, v) for n, v in self.point.items()]


def ask(peer: Callable[[Problem], bool], case: Fault | Tricky) -> str:
    """Return the peer's answer on a fresh layer; an exception of its machinery counts as caught."""
    np.random.seed(0)  # noqa: NPY002 - autograd draws from the global state
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return PASSES if peer(Problem.of(case)) else CAUGHT
        except Unfit:
            return NOT_EXPRESSIBLE
        except Exception:  # noqa: BLE001 - peers refuse a gradient with any exception they like
            return CAUGHT


def ours(problem: Problem) -> bool:
    """Ask gradcheck.check; a finding is enough where a fault is one of manners, and doubt is a refusal."""
    import gradcheck
    from gradcheck.faults.selftest import try_case

    trial = try_case(gradcheck.check, problem.case)
    if isinstance(problem.case, Fault):
        return trial.deviation in {"missed", "undecided", "raised"}
    return not trial.deviation


def torch_slow(problem: Problem) -> bool:
    """Ask torch.autograd.gradcheck about a torch.autograd.Function."""
    return _torch(problem, fast_mode=False)


def torch_fast(problem: Problem) -> bool:
    """Ask torch.autograd.gradcheck in fast mode."""
    return _torch(problem, fast_mode=True)


def _torch(problem: Problem, *, fast_mode: bool) -> bool:
    import torch

    def tensor(array: Any) -> Any:
        array = np.asarray(array, order="C")
        return torch.from_numpy(array if array.flags.writeable else array.copy())

    class Layer(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:
            ctx.save_for_backward(*tensors)
            outputs = [tensor(o) for o in problem.forward(*(t.detach().numpy() for t in tensors))]
            return outputs[0] if len(outputs) == 1 else tuple(outputs)

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            found = problem.backward([g.numpy() for g in grads], *(t.detach().numpy() for t in ctx.saved_tensors))
            return tuple(None if d is None else tensor(d) for d in found)

    inputs = tuple(torch.from_numpy(v).requires_grad_() for v in problem.arrays)
    return bool(torch.autograd.gradcheck(Layer.apply, inputs, fast_mode=fast_mode))


def jax_rev(problem: Problem) -> bool:
    """Ask jax.test_util.check_grads about a jax.custom_vjp, reverse mode, first order."""
    import jax
    from jax.test_util import check_grads

    if problem.code in IMMUTABLE:
        raise Unfit
    jax.config.update("jax_enable_x64", True)

    def outputs_of(*values: Any) -> Any:
        outputs = [jax.numpy.asarray(o) for o in problem.forward(*map(np.array, values))]
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def pull(values: Any, grads: Any) -> Any:
        given = [np.array(g) for g in (grads if isinstance(grads, tuple) else (grads,))]
        found = problem.backward(given, *map(np.array, values))
        return tuple(None if d is None else jax.numpy.asarray(d) for d in found)

    layer = jax.custom_vjp(outputs_of)
    layer.defvjp(lambda *values: (outputs_of(*values), values), pull)
    check_grads(layer, tuple(map(jax.numpy.asarray, problem.arrays)), order=1, modes=["rev"])
    return True


def autograd_rev(problem: Problem) -> bool:
    """Ask autograd.test_util.check_grads about a primitive, reverse mode, first order."""
    from autograd.extend import defvjp_argnums, primitive
    from autograd.test_util import check_grads

    if len(problem.forward(*problem.arrays)) > 1:
        raise Unfit

    @primitive
    def layer(*arrays: Any) -> Any:
        return problem.forward(*arrays)[0]

    def pulls(argnums: Any, _answer: Any, arrays: Any, _options: Any) -> Any:
        return lambda g: [problem.backward([g], *arrays)[i] for i in argnums]

    defvjp_argnums(layer, pulls)
    every = tuple(range(len(problem.names)))
    check_grads(layer, every if len(every) > 1 else 0, modes=["rev"], order=1)(*problem.arrays)
    return True


def scipy_flat(problem: Problem) -> bool:
    """Ask scipy.optimize.check_grad about a weighted sum of the outputs, as a function of all inputs in one vector."""
    from scipy.optimize import check_grad

    if problem.code in FLAT:
        raise Unfit
    arrays = problem.arrays
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(o.shape) for o in problem.forward(*(a.copy() for a in arrays))]
    ends = np.cumsum([a.size for a in arrays])

    def split(vector: Any) -> list[Any]:
        parts = np.split(vector, ends[:-1])
        return [p.reshape(a.shape).astype(a.dtype) for p, a in zip(parts, arrays, strict=True)]

    def value(vector: Any) -> float:
        outputs = problem.forward(*split(vector))
        return float(sum((w * o).sum() for w, o in zip(weights, outputs, strict=True)))

    def gradient(vector: Any) -> Any:
        found = problem.backward([w.copy() for w in weights], *split(vector))
        like = zip(found, arrays, strict=True)
        return np.concatenate([np.zeros(a.size) if d is None else np.ravel(d) for d, a in like])

    start = np.concatenate([a.astype(float).ravel() for a in arrays])
    length = float(np.linalg.norm(gradient(start)))
    return bool(check_grad(value, gradient, start) <= SCIPY_SHARE * length)


PEERS: dict[str, Callable[[Problem], bool]] = {
    "gradcheck": ours,
    "torch slow": torch_slow,
    "torch fast": torch_fast,
    "jax": jax_rev,
    "autograd": autograd_rev,
    "scipy": scipy_flat,
}
