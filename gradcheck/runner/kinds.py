"""What a child process can be asked to do.

A new kind is a row here and a function `perform(spec, tell)`: `spec` is the task's plain data, what it returns must be
plain data too, and `tell(stage)` says what is being done from now on; `tell(stage, partial)` also hands over what is
known so far, which is kept where the rest is cut off. What it raises becomes the task's failure.
"""

from dataclasses import dataclass

JUDGE = ("gradcheck.numdiff", "gradcheck.checks", "gradcheck.explain", "gradcheck.report")


@dataclass(frozen=True)
class Kind:
    """Where the function is, and the packages of ours that it may need once the target's folder is on the path."""

    module: str
    function: str
    packages: tuple[str, ...] = JUDGE


KINDS = {
    "check": Kind("gradcheck.runner.performing", "perform_check"),
    "dry-run": Kind("gradcheck.oracle.dry_run", "perform_dry_run", (*JUDGE, "gradcheck.layers")),
    "fuzz": Kind("gradcheck.oracle.fuzzed", "perform_fuzz", (*JUDGE, "gradcheck.layers")),
    "like": Kind("gradcheck.oracle.like.performing", "perform_like", (*JUDGE, "gradcheck.layers")),
    "trials": Kind("gradcheck.oracle.trying", "perform_trials", (*JUDGE, "gradcheck.layers", "gradcheck.faults")),
    "conform": Kind("gradcheck.oracle.conforming", "perform_conformance", ("gradcheck.oracle", "gradcheck.layers")),
}
