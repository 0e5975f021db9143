"""Memory that the returned gradients share with grad_output, with each other, or with the inputs."""

from collections.abc import Iterator

import numpy as np

from gradcheck.checks.bench import Bench
from gradcheck.checks.severities import found
from gradcheck.subject import Array
from gradcheck.verdict import Finding

MOST_WORK = 10_000  # candidates tried in the exact search for a shared address; it is exponential in the worst case


def aliasing(bench: Bench) -> Iterator[Finding]:
    """Yield each returned gradient that shares memory with an array of the caller's or with another gradient."""
    use = bench.used
    arrays = {n: v for n, v in use.claims.items() if isinstance(v, np.ndarray) and v.size}
    names = list(arrays)
    for i, name in enumerate(names):
        if any(shared(arrays[name], part) for part in use.parts):
            text = f"The gradient of `{name}` shares memory with grad_output; adding into either changes both."
            yield found("aliases-grad-output", text, argument=name)
        for other in names[i + 1 :]:
            if shared(arrays[name], arrays[other]):
                text = f"The gradients of `{name}` and `{other}` share memory; adding into either changes both."
                yield found("aliases-gradient", text, argument=name, other=other)
        for other, value in use.inputs.items():
            if isinstance(value, np.ndarray) and shared(arrays[name], value):
                text = f"The gradient of `{name}` shares memory with the input `{other}`; an update of it changes both."
                yield found("aliases-input", text, argument=name, other=other)


def shared(one: Array, other: Array) -> bool:
    """Tell whether two arrays have an address in common, or overlapping bounds where the search is too hard."""
    if not np.may_share_memory(one, other):
        return False
    try:
        return bool(np.shares_memory(one, other, max_work=MOST_WORK))  # type: ignore[arg-type]  # its stubs know only -1 and 0
    except np.exceptions.TooHardError:
        return True
