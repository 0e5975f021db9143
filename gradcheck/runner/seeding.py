"""The global random states of a child, seeded, so that a layer that draws from them can be replayed."""

import random

import numpy as np


def seed_global_states(seed: int) -> None:
    """Seed what the target's own code draws from; nothing of ours does."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - the global state is the point
