"""What a check of a layer with about 10^6 inputs and outputs costs beside the layer itself: time and memory.

Every row is a process of its own. The layer's own time is what passes inside its forward and backward; the rest is the
harness's. The layer's arrays are its inputs, its outputs and the gradients of both, once each. Memory is what a check
takes at its peak beyond what the caller holds: in MiB as the resident size grows, and in multiples of the layer's
arrays as NumPy reports to tracemalloc in a second run, without what a single forward or backward takes for itself.
"""

import json
import os
import resource
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import gradcheck
from gradcheck import layers

HEAD = [
    "layer",
    "gradient",
    "forward",
    "backward",
    "s",
    "layer's own s",
    "harness's s",
    "harness / layer",
    "memory",
    "x arrays",
    "answer",
]

Array = Any
# A second thread of a linear algebra library is time of another processor, and waits where that has other work.
ALONE = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def normal(*shape: int, spread: float = 1.0) -> Array:
    """Draw normal numbers, each time the same."""
    return spread * np.random.default_rng(sum(shape)).standard_normal(shape)


class Tanh:
    """The hyperbolic tangent, as anybody writes it."""

    def forward(self, input: Array) -> Array:
        """Return tanh(x)."""
        return np.tanh(input)

    def backward(self, grad_output: Array, input: Array) -> tuple[Array, ...]:
        """Return g (1 - tanh(x)^2)."""
        output = np.tanh(input)
        return (grad_output * (1.0 - output * output),)


class BatchNorm:
    """Batch normalisation over the first axis, as in the papers' appendix."""

    def forward(self, input: Array, weight: Array, bias: Array) -> Array:
        """Return the normalised input, scaled and shifted."""
        normed, _ = self._normed(input)
        return weight * normed + bias

    def backward(self, grad_output: Array, input: Array, weight: Array, bias: Array) -> tuple[Array, ...]:  # noqa: ARG002 - the contract's
        """Return the gradients of all three."""
        normed, scale = self._normed(input)
        grad_weight, grad_bias = (grad_output * normed).sum(0), grad_output.sum(0)
        centred = grad_output - grad_bias / len(input) - normed * (grad_weight / len(input))
        return weight * scale * centred, grad_weight, grad_bias

    @staticmethod
    def _normed(input: Array) -> tuple[Array, Array]:
        centred = input - input.mean(0)
        scale = 1.0 / np.sqrt((centred * centred).mean(0) + 1e-5)
        return centred * scale, scale


CASES: dict[str, tuple[Callable[[], Any], Callable[[], dict[str, Array]]]] = {
    "tanh": (Tanh, lambda: {"input": normal(1000, 1000)}),
    "relu": (layers.ReLU, lambda: {"input": normal(1000, 1000)}),
    "softmax": (layers.Softmax, lambda: {"input": normal(1000, 1000)}),
    "batch norm": (
        BatchNorm,
        lambda: {"input": normal(1000, 1000), "weight": 1.0 + normal(1000, spread=0.1), "bias": normal(1000)},
    ),
    "linear 1000 to 1000": (
        layers.Linear,
        lambda: {"input": normal(1000, 1000), "weight": normal(1000, 1000, spread=0.03), "bias": normal(1000)},
    ),
    "conv 16 x 16 x 64 x 64": (
        layers.Conv,
        lambda: {"input": normal(16, 16, 64, 64), "weight": normal(16, 16, 3, 3, spread=0.1), "bias": normal(16)},
    ),
    "max pool 16 x 16 x 64 x 64": (
        lambda: layers.MaxPool(kernel_size=2),
        lambda: {"input": normal(16, 16, 64, 64)},
    ),
}


def _one_entry(gradient: Array) -> Array:
    wrong = gradient.copy()
    wrong.reshape(-1)[gradient.size // 3] *= 1.5
    return wrong


def _border(gradient: Array) -> Array:
    wrong = gradient.copy()
    wrong[..., 0] = 0.0
    return wrong


FAULTS: dict[str, Callable[[Array], Array]] = {
    "right": lambda gradient: gradient,
    "sign": np.negative,
    "one entry by half": _one_entry,
    "a border zero": _border,
    "twice": lambda gradient: 2.0 * gradient,
}


@dataclass
class Clock:
    """What passed inside the layer."""

    seconds: float = 0.0
    forward: int = 0
    backward: int = 0


@dataclass(frozen=True)
class Timed:
    """A layer whose calls are timed, through every copy of it, and whose first gradient may be damaged."""

    layer: Any
    damage: Callable[[Array], Array]
    clock: Clock = field(default_factory=Clock)

    def __deepcopy__(self, memo: Any) -> "Timed":
        """Keep the clock; the layers timed here have no state."""
        return self

    def forward(self, *inputs: Array) -> Array:
        """Call, and time it."""
        started = time.perf_counter()
        output = self.layer.forward(*inputs)
        self.clock.seconds += time.perf_counter() - started
        self.clock.forward += 1
        return output

    def backward(self, grad_output: Array, *inputs: Array) -> tuple[Array, ...]:
        """Call, damage, and time it."""
        started = time.perf_counter()
        found = self.layer.backward(grad_output, *inputs)
        if isinstance(found, dict):
            found = tuple(found.values())
        first, *rest = found if isinstance(found, tuple) else (found,)
        wrong = (self.damage(first), *rest)
        self.clock.seconds += time.perf_counter() - started
        self.clock.backward += 1
        return wrong


def rows(asked: Callable[[str], bool], limit: float) -> Iterator[list[str]]:
    """Measure every row in a process of its own."""
    for case in (c for c in CASES if asked(c)):
        for fault in FAULTS:
            command = [sys.executable, str(Path(__file__)), case, fault]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=True, env=ALONE)
            except subprocess.TimeoutExpired:
                yield [case, fault, *["-"] * 8, f"given up after {limit:g} s"]
                continue
            yield [case, fault, *_cells(json.loads(done.stdout.splitlines()[-1]))]


def _cells(found: dict[str, Any]) -> list[str]:
    harness = found["seconds"] - found["layer"]
    return [
        str(found["forward"]),
        str(found["backward"]),
        f"{found['seconds']:.1f}",
        f"{found['layer']:.2g}",
        f"{harness:.2g}",
        f"{harness / found['layer']:.2g}",
        f"{found['resident'] / 2**20:.0f} MiB",
        f"{found['traced'] / found['arrays']:.1f}",
        found["answer"],
    ]


def measured(case: str, fault: str) -> dict[str, Any]:
    """Check one layer twice: for time and resident memory first, then for the memory that NumPy reports."""
    make, draw = CASES[case]
    layer, inputs = Timed(make(), FAULTS[fault]), draw()
    gradcheck.check(Timed(layers.ReLU(), np.negative), {"input": normal(3, 4)})  # what is loaded at the first check
    output = layer.forward(*inputs.values())
    arrays, ones = 2 * (output.nbytes + sum(value.nbytes for value in inputs.values())), np.ones_like(output)
    del output
    own = max(
        _traced(lambda: layer.forward(*inputs.values()))[0], _traced(lambda: layer.backward(ones, *inputs.values()))[0]
    )
    layer = Timed(layer.layer, layer.damage)
    held = _resident()
    started = time.perf_counter()
    report = gradcheck.check(layer, inputs)
    seconds, clock = time.perf_counter() - started, Clock(**vars(layer.clock))
    grown = _most_resident() - held
    traced, _ = _traced(lambda: gradcheck.check(layer, inputs))
    diagnosis = next((a.diagnosis for a in report.arguments.values() if a.diagnosis is not None), None)
    return {
        "answer": str(report.verdict) + (f": {diagnosis.code}" if diagnosis is not None else ""),
        "seconds": seconds,
        "layer": clock.seconds,
        "forward": clock.forward,
        "backward": clock.backward,
        "arrays": arrays,
        "resident": grown,
        "traced": traced - own,
    }


def _traced(call: Callable[[], Any]) -> tuple[int, Any]:
    """Return the bytes that a call takes at its peak, beside those of what it returns, and what it returns."""
    tracemalloc.start()
    found = call()
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - held, found


def _resident() -> int:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return _most_resident()
    return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def _most_resident() -> int:
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes if sys.platform == "darwin" else 1024 * kibibytes


if __name__ == "__main__":
    print(json.dumps(measured(*sys.argv[1:])))
