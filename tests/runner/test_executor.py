"""The seam: tasks through threads that wait for children; order, journal, duplicates, and an early end."""

import threading
import time

import pytest

from gradcheck.errors import InvalidInput, MissingExtra
from gradcheck.report.record import Failure
from gradcheck.runner import executor
from gradcheck.runner.executor import run_jobs, run_tasks
from gradcheck.runner.job import Job
from gradcheck.runner.journal import Journal
from gradcheck.runner.task import Answer, Task


def task(number):
    return Task("check", {"number": number}, label=str(number))


@pytest.fixture
def ran(monkeypatch):
    """Children that answer with their number, after as many hundredths of a second as `spec` says."""
    numbers = []

    def run_task(task, *, threads, stopped):
        numbers.append((task.spec["number"], threads))
        time.sleep(task.spec.get("wait", 0))
        return Answer(result=task.spec["number"])

    monkeypatch.setattr(executor, "run_task", run_task)
    return numbers


def test_every_answer_comes_with_the_number_of_its_task(ran):
    assert sorted((n, a.result) for n, a in run_tasks(map(task, range(9)), workers=3)) == [(n, n) for n in range(9)]


def test_answers_come_as_they_are_done(ran):
    slow = Task("check", {"number": 0, "wait": 0.3})
    assert [number for number, _ in run_tasks([slow, task(1), task(2)], workers=2)] == [1, 2, 0]


def test_tasks_are_taken_only_as_there_is_room(ran):
    taken = []

    def generate():
        for number in range(100):
            taken.append(number)
            yield task(number)

    answers = run_tasks(generate(), workers=2)
    next(answers)
    answers.close()
    assert len(taken) <= 4


def test_the_cores_are_shared_among_the_children(ran, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    for workers, threads in ((1, 8), (3, 2), (16, 1)):
        ran.clear()
        list(run_tasks([task(1)], workers=workers))
        assert ran == [(1, threads)]


def test_the_same_work_is_done_once_and_answers_all_who_asked(ran, tmp_path):
    with Journal(tmp_path / "journal") as journal:
        answers = list(run_tasks([task(1), task(1), task(2), task(1)], workers=2, journal=journal))
    assert sorted((number, answer.result) for number, answer in answers) == [(0, 1), (1, 1), (2, 2), (3, 1)]
    assert sorted(number for number, _ in ran) == [1, 2]


def test_what_is_recorded_is_not_run_again(ran, tmp_path):
    with Journal(tmp_path / "journal") as journal:
        list(run_tasks(map(task, range(3)), journal=journal))
    ran.clear()
    with Journal(tmp_path / "journal", resume=True) as journal:
        answers = dict(run_tasks(map(task, range(5)), journal=journal))
    assert sorted(answer.result for answer in answers.values()) == [0, 1, 2, 3, 4]
    assert [number for number, _ in ran] == [3, 4]


def test_an_answer_is_on_disk_before_it_is_yielded_and_none_that_is_done_is_lost(ran, tmp_path):
    path = tmp_path / "journal"
    with Journal(path) as journal:
        answers = run_tasks(map(task, range(6)), workers=3, journal=journal)
        next(answers)
        assert len(path.read_bytes().splitlines()) >= 2
        time.sleep(0.1)
        answers.close()
        done = [number for number, _ in ran]
    assert len(path.read_bytes().splitlines()) == 1 + len(done)


def test_leaving_early_stops_what_runs(monkeypatch):
    started, ended = threading.Event(), threading.Event()

    def run_task(task, *, threads, stopped):
        if task.spec["number"] == 0:
            started.wait(5)
        else:
            started.set()
            while not stopped():
                time.sleep(0.01)
            ended.set()
        return Answer(result=0)

    monkeypatch.setattr(executor, "run_task", run_task)
    answers = run_tasks([task(0), task(1)], workers=2)
    assert next(answers)[0] == 0
    answers.close()
    assert ended.is_set()


def test_a_task_that_the_executor_loses_is_a_failure_and_runs_again_when_resumed(monkeypatch, tmp_path):
    def run_task(task, *, threads, stopped):
        raise OSError("no more processes\nand more")

    monkeypatch.setattr(executor, "run_task", run_task)
    with Journal(tmp_path / "journal") as journal:
        ((_, answer),) = run_tasks([task(1)], journal=journal)
        assert journal.count == 0
    assert answer.failure.sentence == "the worker that ran it was lost (OSError: no more processes)"


def test_results_of_jobs_come_in_order_with_those_that_need_no_child(monkeypatch):
    def run_task(task, *, threads, stopped):
        return Answer(failure=Failure(task.label, "crashed", "no"))

    monkeypatch.setattr(executor, "run_task", run_task)
    results = list(run_jobs([Job("a:b"), Job("nowhere"), Job("c:d")], workers=2))
    assert [(result.target, result.kind) for result in results] == [
        ("a:b", "crashed"), ("nowhere", "load"), ("c:d", "crashed"),
    ]  # fmt: skip


def test_a_scheduler_without_dask_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(MissingExtra, match=r'pip install "gradcheck\[dask\]"'):
        list(run_tasks([task(1)], scheduler="tcp://127.0.0.1:1"))


def test_an_address_of_no_scheduler_is_refused_in_a_sentence(monkeypatch):
    pytest.importorskip("distributed", reason="needs the extra dask")
    monkeypatch.setattr(executor, "_CONNECT", 0.3)
    with pytest.raises(InvalidInput, match=r"--scheduler must be the address of a running Dask scheduler; 'tcp://127"):
        list(run_tasks([task(1)], scheduler="tcp://127.0.0.1:1"))
