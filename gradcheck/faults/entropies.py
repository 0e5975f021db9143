"""Cross-entropies and points on their domain, for rows that are wrong and rows that are right."""

from typing import Any

import numpy as np

from gradcheck.faults.records import drawn, fixed, uniform
from gradcheck.faults.specimens import log_softmax

ZEROS_AMONG = fixed(x=[[1.0, 0.0, 2.0, 3.0], [2.0, 0.5, 1.0, 1.0]])
PROBABILITIES = uniform(0.05, 0.95, p=(4, 3))
BINARY = drawn(t=lambda rng: (rng.random((4, 3)) > 0.5).astype(float))


def soft_entropy(z: Any, t: Any) -> Any:
    """Return the cross-entropy of soft targets t (N, K) under logits z (N, K), a mean over the batch."""
    return -(t * log_softmax(z)).sum() / len(z)


def clipped_entropy(p: Any, t: Any) -> Any:
    """Return the binary cross-entropy, a mean over all entries, with p kept from 0 and 1."""
    return entropy(np.clip(p, 1e-7, 1 - 1e-7), t)


def entropy(p: Any, t: Any) -> Any:
    """Return the binary cross-entropy of probabilities p and targets t, a mean over all entries."""
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))


def strict_entropy(p: Any, t: Any) -> Any:
    """Return `entropy` where it is defined, and refuse everything else."""
    if np.any(p <= 0) or np.any(p >= 1) or np.any(t < 0) or np.any(t > 1):
        raise ValueError("p must lie in (0, 1) and t in [0, 1]")
    return entropy(p, t)


def grad_p(g: Any, p: Any, t: Any) -> Any:
    """Return the gradient of `entropy` in p."""
    return g * (p - t) / (p * (1 - p)) / p.size


def grad_t(g: Any, p: Any) -> Any:
    """Return the gradient of `entropy` in t."""
    return -g * (np.log(p) - np.log(1 - p)) / p.size
