"""Many tasks through one seam: a `concurrent.futures.Executor` whose tasks wait for child processes.

Whatever runs many checks comes this way: targets, sweeps, fuzz seeds, conformance cases. Describe each piece of work
as a `Task` in plain data, and take the answers as they come:

    tasks = [Task("fuzz", {"target": "layers.py:Conv", "seed": seed}, label=f"seed {seed}") for seed in range(100)]
    with Journal(path, resume=resume) as journal:
        for number, answer in run_tasks(tasks, workers=4, journal=journal):
            ...  # answer.result is what the kind's function returned for tasks[number], or answer.failure says why not

`kind` names a row of `runner/kinds.py`, whose function `perform(spec, tell)` runs in the child. `tasks` may be a
generator: it is asked only as workers become free, and closing `run_tasks` ends what is running. With a journal, what
it holds is yielded without being run, and every answer is on disk before it is yielded. `cli/running.py` has the
options that go with it (`--jobs`, `--scheduler`, `--journal`, `--resume`). For checks there is `run_jobs`.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from gradcheck.errors import InvalidInput, MissingExtra
from gradcheck.report.record import Failure, Result
from gradcheck.runner.checking import refused, result_of, task_of
from gradcheck.runner.job import Job
from gradcheck.runner.journal import Journal
from gradcheck.runner.process import run_task
from gradcheck.runner.task import Answer, Task

_AHEAD = 2  # tasks a core of the cluster that are handed out at a time, so that none waits for us
_LOOK = 0.5  # seconds: an interrupt that arrives just before a wait is only seen when that wait ends
_CONNECT = 10.0  # seconds to find the scheduler


@dataclass(frozen=True)
class _Pool:
    """How a task is handed to an executor, and how many it can have at a time."""

    submit: Callable[[Task], "Future[str]"]
    room: Callable[[], int]


def run_tasks(
    tasks: Iterable[Task], *, workers: int = 1, scheduler: str = "", journal: Journal | None = None
) -> Iterator[tuple[int, Answer]]:
    """Yield (number of the task, answer) as the answers come; when the caller leaves early, children are ended.

    Parameters
    ----------
    tasks : iterable of Task
        What to do; taken one by one as there is room.
    workers : int
        Children at a time on this machine; each gets its share of the cores for BLAS.
    scheduler : str
        Address of a Dask scheduler, whose workers run the children instead.
    journal : Journal, optional
        Where answers are recorded, and taken from.

    Raises
    ------
    InvalidInput
        There is no scheduler at that address.
    MissingExtra
        A scheduler is named and distributed is not installed.
    """
    waiting: dict[Future[str], tuple[Task, list[int]]] = {}
    numbered = enumerate(tasks)
    with _cluster(scheduler) if scheduler else _threads(workers) as pool:
        try:
            while True:
                yield from _fill(pool, numbered, waiting, journal)
                if not waiting:
                    return
                done, _ = wait(waiting, timeout=_LOOK, return_when=FIRST_COMPLETED)
                yield from [(number, answer) for future in done for number, answer in _taken(future, waiting, journal)]
        finally:
            for future in [future for future in waiting if future.done()]:
                _taken(future, waiting, journal)


def run_jobs(
    jobs: Sequence[Job], *, workers: int = 1, scheduler: str = "", journal: Journal | None = None
) -> Iterator[Result]:
    """Yield the result of each check, in the order of the jobs; takes the options of `run_tasks`."""
    early: dict[int, Result] = {}
    awaited = 0
    for number, result in check_jobs(jobs, workers=workers, scheduler=scheduler, journal=journal):
        early[number] = result
        while awaited in early:
            yield early.pop(awaited)
            awaited += 1


def check_jobs(
    jobs: Sequence[Job], *, workers: int = 1, scheduler: str = "", journal: Journal | None = None
) -> Iterator[tuple[int, Result]]:
    """Yield (number of the job, result) as the results come; a target that cannot be there starts no child."""
    sound = []
    for number, job in enumerate(jobs):
        failure = refused(job)
        if failure:
            yield number, failure
        else:
            sound.append(number)
    tasks = (task_of(jobs[number]) for number in sound)
    for index, answer in run_tasks(tasks, workers=workers, scheduler=scheduler, journal=journal):
        yield sound[index], result_of(answer)


def _fill(
    pool: _Pool,
    numbered: Iterator[tuple[int, Task]],
    waiting: dict["Future[str]", tuple[Task, list[int]]],
    journal: Journal | None,
) -> Iterator[tuple[int, Answer]]:
    """Hand out tasks while there is room; yield those that are recorded."""
    while len(waiting) < pool.room():
        number, task = next(numbered, (-1, None))
        if task is None:
            return
        known = journal.recorded(task) if journal is not None else None
        if known is not None:
            yield number, known
            continue
        same = [numbers for other, numbers in waiting.values() if other.key == task.key]
        if same:
            same[0].append(number)
        else:
            waiting[pool.submit(task)] = task, [number]


def _taken(
    future: "Future[str]", waiting: dict["Future[str]", tuple[Task, list[int]]], journal: Journal | None
) -> list[tuple[int, Answer]]:
    """Take a finished future out, record its answer, and return that for each task that asked for it."""
    task, numbers = waiting.pop(future)
    try:
        answer = Answer.from_json(future.result())
    except CancelledError:
        return []
    except Exception as err:  # noqa: BLE001 - an executor may lose a task in ways of its own; a child's end never raises
        words = f"{type(err).__name__}: {err}".strip().splitlines()[0]
        lost = Failure(target=task.label, kind="crashed", sentence=f"the worker that ran it was lost ({words})")
        return [(number, Answer(failure=lost)) for number in numbers]
    if journal is not None:
        journal.record(task, answer)
    return [(number, answer) for number in numbers]


@contextmanager
def _threads(workers: int) -> Iterator[_Pool]:
    stopped = threading.Event()
    threads = max(1, (os.cpu_count() or 1) // workers)
    with ThreadPoolExecutor(max_workers=workers) as executor:

        def submit(task: Task) -> "Future[str]":
            return executor.submit(_perform, task.to_json(), threads, stopped.is_set)

        try:
            yield _Pool(submit, lambda: workers)
        finally:
            stopped.set()
            executor.shutdown(cancel_futures=True)


@contextmanager
def _cluster(address: str) -> Iterator[_Pool]:
    """Hand tasks to Dask, which gives one to each core, so that a child has one BLAS thread there."""
    try:
        client = _distributed().Client(address, timeout=_CONNECT, set_as_default=False)
    except (OSError, ValueError) as err:
        raise InvalidInput(f"--scheduler must be the address of a running Dask scheduler; {address!r}: {err}") from err
    with client:
        executor = client.get_executor(pure=False)
        try:
            yield _Pool(
                lambda task: executor.submit(_perform_on_worker, task.to_json()),
                lambda: _AHEAD * max(1, sum(client.ncores().values())),
            )
        finally:
            executor.shutdown(wait=False)


def _perform(task: str, threads: int, stopped: Callable[[], bool]) -> str:
    return run_task(Task.from_json(task), threads=threads, stopped=stopped).to_json()


def _perform_on_worker(task: str) -> str:
    """Run a task on a Dask worker; a task that nobody waits for any more is ended."""
    worker = _distributed().get_worker()
    name = worker.get_current_task()

    def forgotten() -> bool:
        state = worker.state.tasks.get(name)
        return state is None or state.state == "cancelled"

    return _perform(task, 1, forgotten)


def _distributed() -> Any:
    try:
        return import_module("distributed")
    except ImportError as err:
        raise MissingExtra("dask") from err
