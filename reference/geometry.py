"""The plain records that say how a kernel or a window moves over an input; one entry for each spatial axis."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]
Index = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]
Ties = Literal["first", "last", "split"]


@dataclass(frozen=True)
class Sliding:
    """How a kernel slides: steps of `stride`, zeros (before, after), taps `dilation` apart, channels in `groups`.

    Tap m reads at dilation·m from the start of the window; with `flip` (true convolution) at dilation·(k-1-m).
    """

    stride: Index
    padding: Pairs
    dilation: Index
    groups: int = 1
    flip: bool = False


@dataclass(frozen=True)
class Pool:
    """How a pooling window slides; with `ceil_mode` a last window may hang over the end by less than a stride."""

    kernel: Index
    stride: Index
    padding: Pairs
    dilation: Index
    ceil_mode: bool = False
