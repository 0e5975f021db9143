"""What a case is made from: shapes, hyperparameters, how its integers are chosen, and what it is meant to expose."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gradcheck.oracle.case import Array

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Recipe:
    """One exact case before its results are computed.

    `exposes` are the flags that its author chose it for; the generator makes sure that the mistakes behind them do
    change the numbers, and adds all others that do. `kinks` says that several gradients may be valid.
    """

    name: str
    operation: str
    hyperparameters: Mapping[str, Any]
    inputs: Mapping[str, Array]
    cotangent: "Cotangent"
    exposes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cotangent:
    """How grad_output is chosen once the output's shape is known: signed integers up to `largest`, times `multiple`.

    `only` picks the one entry that is not zero, by its place in C order (negative: from the end).
    """

    largest: int = 3
    multiple: int = 1
    only: int | None = field(default=None)
