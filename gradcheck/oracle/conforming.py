"""Many cases through an implementation, in child processes: one that crashes or hangs costs its case and no other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from gradcheck.errors import GradcheckError
from gradcheck.oracle.case import Case
from gradcheck.oracle.implementation import Run, implementation
from gradcheck.oracle.judging import Outcome, judge
from gradcheck.oracle.program import Program, ProgramFault
from gradcheck.oracle.suite import load_cases
from gradcheck.report import plain
from gradcheck.runner.executor import run_tasks
from gradcheck.runner.targets import parse_target
from gradcheck.runner.task import TIMEOUT, Answer, Task

TOGETHER = 64  # cases a child: starting one and loading a framework costs some seconds


@dataclass(frozen=True)
class Conformance:
    """What is asked: an implementation (or the command of a program), the suite's folder, and within which limits.

    The suite's checksum, if given, keeps a resumed run from answers about another suite in the same folder.
    """

    suite: str
    implementation: str = ""
    program: str = ""
    device: str = ""
    limit: float | None = None
    timeout: float = TIMEOUT
    memory: int | None = None
    sha256: str = ""


def conform(asked: Conformance, cases: Sequence[tuple[Case, str]], **running: Any) -> Iterator[Outcome]:
    """Yield the outcome of each (case, dtype), as they come.

    Parameters
    ----------
    **running
        The options of `gradcheck.runner.executor.run_tasks`: workers, scheduler, journal.

    Raises
    ------
    GradcheckError
        The implementation cannot be loaded at all.
    """
    left = _groups(cases)
    known = {case.name: case for case, _ in cases}
    while left:
        tasks = [_task(asked, dtype, names) for dtype, names in left]
        again: list[tuple[str, tuple[str, ...]]] = []
        for number, answer in run_tasks(tasks, **running):
            dtype, names = left[number]
            outcomes, rest = _read(answer, dtype, names, known=known)
            yield from outcomes
            if rest:
                again.append((dtype, rest))
        left = again


def perform_conformance(spec: Mapping[str, Any], tell: Callable[..., None]) -> Any:
    """Run the named cases in this process, one after the other; return their outcomes as plain data."""
    asked = plain.load(Conformance, spec["asked"])
    dtype: str = spec["dtype"]
    tell("loading the cases")
    cases = load_cases(Path(asked.suite), spec["names"])
    outcomes: list[Any] = []
    with ExitStack() as stack:
        tell("loading the implementation")
        run = _opened(asked, stack)
        for name in spec["names"]:
            tell(name, outcomes)
            outcome, broken = _attempt(run, cases[name], dtype, asked.limit)
            outcomes.append(plain.dump(outcome))
            if broken:
                stack.close()
                run = _opened(asked, stack)
    return outcomes


def _opened(asked: Conformance, stack: ExitStack) -> Run:
    if asked.program:
        return stack.enter_context(Program(asked.program))
    return implementation(asked.implementation, device=asked.device)


def _attempt(run: Run, case: Case, dtype: str, limit: float | None) -> tuple[Outcome, bool]:
    """Run one case; tell besides whether the program has to be started anew."""
    vector = case.vector(dtype)
    plainly = Outcome(case.name, case.operation, dtype, "unsupported")
    try:
        output, gradients = run(case.operation, case.hyperparameters, vector.inputs, vector.grad_output)
        return judge(case, dtype, output, gradients, limit=limit), False
    except NotImplementedError as err:
        return replace(plainly, sentence=str(err)), False
    except ProgramFault as err:
        return replace(plainly, status="crashed", sentence=str(err)), True
    except Exception as err:  # noqa: BLE001 - somebody else's code may raise anything, and that is its answer
        words = " ".join(f"{type(err).__name__}: {err}".split())[:200]
        return replace(plainly, status="crashed", sentence=words, raised=True), False


def _groups(cases: Sequence[tuple[Case, str]]) -> list[tuple[str, tuple[str, ...]]]:
    """Put cases of one dtype together, as many as a child takes, those of an operation side by side."""
    ordered = sorted(cases, key=lambda pair: (pair[1], pair[0].operation, pair[0].name))
    groups = []
    for dtype, members in groupby(ordered, key=lambda pair: pair[1]):
        names = tuple(case.name for case, _ in members)
        groups += [(dtype, names[at : at + TOGETHER]) for at in range(0, len(names), TOGETHER)]
    return groups


def _task(asked: Conformance, dtype: str, names: tuple[str, ...]) -> Task:
    spec = {"asked": plain.dump(asked), "dtype": dtype, "names": list(names)}
    reads = []
    if ":" in asked.implementation:
        target = parse_target(asked.implementation)
        reads = [target.place] if target.is_file else []
    label = f"{names[0]} {dtype}"
    return Task("conform", spec, label=label, reads=tuple(reads), timeout=asked.timeout, memory=asked.memory)


def _read(
    answer: Answer, dtype: str, names: tuple[str, ...], *, known: Mapping[str, Case]
) -> tuple[list[Outcome], tuple[str, ...]]:
    """Return the outcomes of an answer, and the cases that are left because one before them ended the child."""
    failure = answer.failure
    if answer.result is None:
        raise GradcheckError(failure.sentence if failure else "there was no answer")
    outcomes = [plain.load(Outcome, one) for one in answer.result]
    if failure is None:
        return outcomes, ()
    culprit = known[names[len(outcomes)]]
    outcomes.append(Outcome(culprit.name, culprit.operation, dtype, "crashed", sentence=failure.sentence))
    return outcomes, names[len(outcomes) :]
