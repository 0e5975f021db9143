"""The elementwise functions that an activation can be, by the names that others give them."""

from typing import Any

from gradcheck.layers import (
    CELU,
    ELU,
    GELU,
    SELU,
    HardSigmoid,
    HardSwish,
    HardTanh,
    LeakyReLU,
    LogSigmoid,
    Mish,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softplus,
    Softsign,
    Tanh,
    TanhShrink,
)

# A plain word first: a target whose name holds it is held to that function, unless it computes another of these.
FUNCTIONS: tuple[tuple[str, Any], ...] = (
    ("leaky relu", LeakyReLU()),
    ("leaky relu of slope 0.1", LeakyReLU(0.1)),
    ("leaky relu of slope 0.2", LeakyReLU(0.2)),
    ("leaky relu of slope 0.001", LeakyReLU(0.001)),
    ("relu6", ReLU6()),
    ("relu", ReLU()),
    ("selu", SELU()),
    ("celu", CELU()),
    ("gelu", GELU()),
    ("gelu by tanh", GELU("tanh")),
    ("elu", ELU()),
    ("hard sigmoid", HardSigmoid()),
    ("log sigmoid", LogSigmoid()),
    ("sigmoid", Sigmoid()),
    ("hard tanh", HardTanh()),
    ("tanh shrink", TanhShrink()),
    ("tanh", Tanh()),
    ("hard swish", HardSwish()),
    ("swish", SiLU()),
    ("silu", SiLU()),
    ("softplus", Softplus()),
    ("softsign", Softsign()),
    ("mish", Mish()),
)
