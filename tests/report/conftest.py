"""Reports to look at: one that disagrees in every way there is to say, and its milder relatives."""

from dataclasses import replace

import pytest

from gradcheck.report.record import Failure, Report
from gradcheck.verdict import (
    Argument,
    Census,
    Cost,
    Damage,
    Diagnosis,
    Evaluations,
    Finding,
    Measured,
    Severity,
    StepCurve,
    Verdict,
    WrongEntry,
)

CURVE = StepCurve((0.5, 0.25, 0.125), (1e-4, 1e-6, 1e-8), (1e-12, 2e-12, 4e-12), 0.125)
CENSUS = Census(
    wrong=3,
    total=18,
    exact=True,
    sampled=18,
    box=((0, 1), (0, 0), (2, 2), (0, 2)),
    patterns=("only the last row of every kernel",),
    worst=(
        WrongEntry((0, 0, 2, 1), 1.5, Measured(2.00000000012, 2.1e-9), 2.3e15),
        WrongEntry((1, 0, 2, 2), -1.5, Measured(0.12, 3e-9), 7e15),
        WrongEntry((1, 0, 2, 0), 1e-5, Measured(2e-8, 3e-12), 2e12),
        WrongEntry((0, 0, 2, 0), 77.0, Measured(78.0, 3e-12), 2e12),
    ),
    heat_map=((0.0, 0.0, 0.0), (0.0, 0.5, 0.001)),
    claimed_map=((1.0, -1.0, 0.0), (2.0, 1.5, 0.25)),
    measured_map=((1.0, -1.0, 0.0), (2.0, 2.0, 0.251)),
    map_tile=(1, 3),
    map_axes=("kernel row", "kernel column"),
)
DIAGNOSIS = Diagnosis(
    code="kernel-rotated",
    sentence="grad_weight is rotated by 180°",
    repair="grad_weight = correlate(input, grad_output)",
    equation="Eq. 14",
    evidence="rotated by 180° the claim agrees: largest discrepancy 0.3 bars over 16 fresh probes",
    alternatives=("kernel-flipped-rows",),
)
AGREEING = Argument(
    "input",
    (2, 1, 4, 4),
    "float64",
    Verdict.AGREES,
    claimed=1.0,
    measured=Measured(1.0, 2e-10),
    bars=0.42,
    threshold=7.1,
    resolution=2e-10,
    entry_resolution=4e-9,
    method="complex step",
    probes=6,
    set_apart=12,
)
DISAGREEING = Argument(
    "weight",
    (2, 1, 3, 3),
    "float64",
    Verdict.DISAGREES,
    claimed=12.3125,
    measured=Measured(14.123456781234, 2.1e-9),
    bars=8.6e8,
    threshold=7.1,
    resolution=2e-10,
    entry_resolution=4e-9,
    method="richardson",
    probes=6,
    point="negated",
    derived_only=True,
    census=CENSUS,
    diagnosis=DIAGNOSIS,
    step_curve=CURVE,
)
DISAGREEMENT = Report(
    target="examples/convolution.py:WrongConv",
    convention="contract",
    verdict=Verdict.DISAGREES,
    reason=None,
    sentence="",
    arguments={"input": AGREEING, "weight": DISAGREEING},
    findings=(
        Finding("mutated-input", "backward changed its input.", Severity.WARNING, "input", {"entries": 3}),
        Finding("stale-state", "backward answers for another input.", Severity.ERROR, None, {"largest_change": 0.5}),
    ),
    evaluations=Evaluations(52, 14, 2, (Cost("probes", 40, 6), Cost("contract", 12, 8, 2))),
    seed=7,
    effort="normal",
    dtype="float64",
    points=("the given point", "negated"),
    replay="gradcheck check examples/convolution.py:WrongConv --input input=2,1,4,4 --input weight=2,1,3,3 --seed 7",
    warnings=("RuntimeWarning: overflow encountered in exp (forward, 3 times)",),
    notes=("judged in float64",),
    proof=(Damage("input", "sign flipped", "caught", 2.0), Damage("input", "shifted by one", "unchanged, skipped")),
    exact="a wrong gradient passes with probability below 2^-65",
    witness="import numpy as np\nprint(WrongConv().backward(np.ones((1, 1, 1, 1))))",
    version="0.1.0",
    printed="\n".join(f"step {number}" for number in range(8)),
    seconds=0.4123,
)


@pytest.fixture
def disagreement() -> Report:
    return DISAGREEMENT


@pytest.fixture
def agreement() -> Report:
    return Report(
        "net.py:Conv",
        "functional pair",
        Verdict.AGREES,
        None,
        "",
        arguments={"input": AGREEING, "bias": replace(AGREEING, name="bias", shape=(2,), set_apart=0)},
        replay="gradcheck check net.py:Conv",
    )


@pytest.fixture
def undecided() -> Report:
    noisy = replace(
        AGREEING,
        verdict=Verdict.INCONCLUSIVE,
        reason="random-forward",
        sentence="forward answers at random",
        set_apart=0,
    )
    return Report("net.py:Dropout", "", Verdict.INCONCLUSIVE, "random-forward", "", arguments={"input": noisy})


@pytest.fixture
def failure() -> Failure:
    return Failure(
        "net.py:Broken", "raised", "forward raised ValueError: no", 'File "net.py", line 3\n  x + y', "forward", "hi"
    )
