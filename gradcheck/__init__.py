"""Check a hand-written backward pass against its forward pass: one verdict, no tolerance to tune.

>>> import numpy as np, gradcheck
>>> report = gradcheck.check((np.sin, lambda grad_output, x: grad_output * np.cos(x)), {"x": np.ones(3)})
>>> str(report.verdict)
'agrees'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradcheck import layers, strategies
    from gradcheck.adapters.case import read_case
    from gradcheck.errors import GradcheckError, GradientMismatch, InconclusiveCheck
    from gradcheck.examine import assert_agrees, check
    from gradcheck.fuzzing import fuzz
    from gradcheck.report.record import Report
    from gradcheck.subject import Subject
    from gradcheck.verdict import Finding, Verdict

    __version__: str

_HOME = {
    "check": "gradcheck.examine",
    "assert_agrees": "gradcheck.examine",
    "fuzz": "gradcheck.fuzzing",
    "Report": "gradcheck.report.record",
    "Subject": "gradcheck.subject",
    "read_case": "gradcheck.adapters.case",
    "Verdict": "gradcheck.verdict",
    "Finding": "gradcheck.verdict",
    "GradcheckError": "gradcheck.errors",
    "GradientMismatch": "gradcheck.errors",
    "InconclusiveCheck": "gradcheck.errors",
}
_SUBMODULES = ("layers", "strategies")

__all__ = [
    "Finding",
    "GradcheckError",
    "GradientMismatch",
    "InconclusiveCheck",
    "Report",
    "Subject",
    "Verdict",
    "assert_agrees",
    "check",
    "fuzz",
    "layers",
    "read_case",
    "strategies",
]


def __getattr__(name: str) -> Any:
    """Load a public name at its first use (PEP 562), so that `import gradcheck` costs next to nothing."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name in _SUBMODULES:
        return import_module(f"gradcheck.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("gradcheck")
    raise AttributeError(f"module 'gradcheck' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
