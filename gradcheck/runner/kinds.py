"""What a child process can be asked to do.

A new kind is a row here and a function `perform(spec, tell)`: `spec` is the task's plain data, what it returns must be
plain data too, and `tell(stage)` says what is being done from now on; `tell(stage, partial)` also hands over what is
known so far, which is kept where the rest is cut off. What it raises becomes the task's failure.
"""

from dataclasses import dataclass

JUDGE = ("gradcheck.numdiff", "gradcheck.checks", "gradcheck.explain", "gradcheck.report")

# Not all of gradcheck.oracle: what makes and fuzzes the suite takes longer to load than a group of its cases to ask.
CONFORMANCE = (
    "gradcheck.oracle.judging",
    "gradcheck.oracle.mistakes",
    "gradcheck.oracle.operations",
    "gradcheck.oracle.places",
    "gradcheck.oracle.terms",
    "gradcheck.oracle.drivers",
    "gradcheck.layers",
)


@dataclass(frozen=True)
class Kind:
    """Where the function is, and the packages or modules of ours to load before the target can hide any."""

    module: str
    function: str
    packages: tuple[str, ...] = JUDGE


KINDS = {
    "check": Kind("gradcheck.runner.performing", "perform_check"),
    "dry-run": Kind("gradcheck.oracle.dry_run", "perform_dry_run", (*JUDGE, "gradcheck.layers")),
    "fuzz": Kind("gradcheck.oracle.fuzzed", "perform_fuzz", (*JUDGE, "gradcheck.layers")),
    "like": Kind("gradcheck.oracle.like.performing", "perform_like", (*JUDGE, "gradcheck.layers")),
    "trials": Kind("gradcheck.oracle.trying", "perform_trials", (*JUDGE, "gradcheck.layers", "gradcheck.faults")),
    "conform": Kind("gradcheck.oracle.conforming", "perform_conformance", CONFORMANCE),
}
