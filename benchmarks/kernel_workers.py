"""The two sides of benchmarks/kernels.py, a process each, since two thread pools in one process slow both down."""

import os
import time
import tracemalloc
from collections.abc import Callable
from math import prod
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from kernel_cases import Case

Run = Callable[[], Any]

# One round lasts at least this long, in seconds, and this many calls, but not beyond the last of the three: on a busy
# machine the first calls wait for threads that lost their core.
ROUND_SECONDS = 0.03
ROUND_CALLS = 10
ROUND_LIMIT = 0.6


class Side:
    """A process that makes and times forward + full backward of one library: "ours" or "torch"."""

    def __init__(self, library: str, threads: int) -> None:
        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = str(threads)
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, library, threads), daemon=True)
        self._process.start()

    def ask(self, request: str, case: Case | None = None) -> Any:
        """Send "prepare" with a case, then "time" or "floor" (seconds), "memory" (ratio) or "versions"."""
        self._connection.send((request, case))
        return self._connection.recv()

    def close(self) -> None:
        """End the process."""
        self._connection.send(("stop", None))
        self._process.join()


def serve(connection: Connection, library: str, threads: int) -> None:
    """Answer requests until "stop"."""
    make = {"ours": _our_run, "torch": _torch_run}[library]
    if library == "torch":
        import torch

        torch.set_num_threads(threads)
    # CPU seconds leave out what other processes did meanwhile; with more threads they would add up all of ours.
    clock = time.process_time if threads == 1 else time.perf_counter
    run: Run = int
    floor: Run | None = None
    request, case = connection.recv()
    while request != "stop":
        if request == "prepare":
            run, floor = make(case), _products(case)
            run()
            connection.send(None)
        elif request == "time":
            connection.send(_fastest(run, clock))
        elif request == "floor":
            connection.send(_fastest(floor, clock) if floor else None)
        elif request == "memory":
            connection.send(_peak_ratio(case))
        else:
            connection.send(_version(library))
        request, case = connection.recv()


def _fastest(run: Run, clock: Callable[[], float]) -> float:
    run()
    seconds: list[float] = []
    while sum(seconds) < ROUND_SECONDS or (len(seconds) < ROUND_CALLS and sum(seconds) < ROUND_LIMIT):
        start = clock()
        run()
        seconds.append(clock() - start)
    return min(seconds)


def _inputs(case: Case) -> list[Any]:
    rng = np.random.default_rng(0)
    shapes = [(case.batch, *case.input), *case.parameters]
    return [rng.standard_normal(shape).astype(case.dtype) for shape in shapes]


def _our_layer(case: Case) -> Any:
    from gradcheck import layers

    name, arguments = case.ours
    return getattr(layers, name)(**arguments)


def _our_run(case: Case) -> Run:
    layer, inputs = _our_layer(case), _inputs(case)
    grad_output = np.ones_like(layer.forward(*inputs)) + inputs[0].dtype.type(0.5)

    def run() -> Any:
        output = layer.forward(*inputs)
        return output, layer.backward(grad_output, *inputs)

    return run


def _products(case: Case) -> Run | None:
    """Return the three bare matrix products of a convolution, an image at a time, on columns that are there already.

    No formulation by matrix products takes less with the same BLAS: beside torch it says what is left to gain.
    """
    if case.ours[0] != "Conv":
        return None
    _, weight, _ = _inputs(case)
    w = weight.reshape(len(weight), -1)
    positions = prod(_our_layer(case).forward(*_inputs(case)).shape[2:])
    d, x = (np.ones((rows, positions), case.dtype) for rows in w.shape)
    out = [np.empty_like(array) for array in (d, w, x)]

    def run() -> Any:
        for _ in range(case.batch):
            np.matmul(w, x, out=out[0])
            np.matmul(d, x.T, out=out[1])
            np.matmul(w.T, d, out=out[2])

    return run


def _torch_run(case: Case) -> Run:
    import torch

    name, arguments = case.torch
    call = getattr(torch.nn.functional, name, None) or getattr(torch, name)
    inputs = [torch.from_numpy(array).requires_grad_() for array in _inputs(case)]
    grad_output = torch.ones_like(call(*inputs, **arguments)) + 0.5

    def run() -> Any:
        output = call(*inputs, **arguments)
        return output, torch.autograd.grad(output, inputs, grad_output)

    return run


def _peak_ratio(case: Case) -> float:
    """Return peak memory over that of inputs, output and gradients (that of the output included)."""
    layer, inputs = _our_layer(case), _inputs(case)
    grad_output = np.ones_like(layer.forward(*inputs))
    held = sum(array.nbytes for array in (*inputs, grad_output))
    tracemalloc.start()
    output = layer.forward(*inputs)
    gradients = layer.backward(grad_output, *inputs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    arrays = gradients if isinstance(gradients, tuple) else (gradients,)
    return float((held + peak) / (held + output.nbytes + sum(array.nbytes for array in arrays)))


def _version(library: str) -> str:
    if library == "torch":
        import torch

        return f"torch {torch.__version__}"
    return f"numpy {np.__version__}"
