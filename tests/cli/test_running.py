"""`--jobs`, `--scheduler`, `--journal` and `--resume`: a run that is killed goes on, and nothing is done twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gradcheck.cli.running import Running, default_journal
from gradcheck.errors import InvalidInput
from gradcheck.runner.task import Answer, Task

LAYER = """
import os, pathlib, time
FOLDER = pathlib.Path(__file__).parent

class Slow:
    def __init__(self, number):
        with open(FOLDER / "begun", "a") as file: file.write(f"{number}\\n")
        while (FOLDER / "wait").exists() and number >= 2: time.sleep(0.02)
    def forward(self, x): return 2 * x
    def backward(self, grad_output, x): return 2 * grad_output
"""
ARGUMENTS = [
    "check", "slow.py:Slow", "--input", "x=2", "--effort", "quick", *(f"--arg=number={n}" for n in range(5)),
]  # fmt: skip
TASK = Task("check", {"number": 1})


def start(folder, *options, **streams):
    return subprocess.Popen([sys.executable, "-m", "gradcheck", *ARGUMENTS, *options], cwd=folder, text=True, **streams)


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_run_goes_on_and_no_recorded_result_is_recomputed_or_recorded_twice(tmp_path):
    (tmp_path / "slow.py").write_text(LAYER)
    (tmp_path / "wait").touch()
    journal = default_journal("check", tmp_path)
    process = start(tmp_path, "--jobs", "2", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: len(lines(journal)) == 3 and len(lines(tmp_path / "begun")) == 4)
    process.kill()
    process.wait()
    (tmp_path / "wait").unlink()
    before = lines(journal)
    begun = lines(tmp_path / "begun")

    again = start(
        tmp_path, "--jobs", "2", "--json", "--resume", "--journal", str(journal), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = again.communicate(timeout=60)
    assert (again.returncode, err) == (0, f"2 recorded in {journal}\n")
    assert len(json.loads(out)["results"]) == 5
    recorded = lines(journal)
    assert recorded[: len(before)] == before
    keys = [json.loads(line)["key"] for line in recorded[1:]]
    assert len(keys) == len(set(keys)) == 5
    assert sorted(begun) == ["0", "1", "2", "3"]
    assert sorted(lines(tmp_path / "begun")[4:]) == ["2", "3", "4"]


def test_a_journal_among_the_caches_lives_as_long_as_there_is_something_to_go_on_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = default_journal("check", tmp_path)
    interrupted = Running().opened("check")
    interrupted.__enter__()["journal"].record(TASK, Answer(result=1))
    assert not interrupted.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert len(lines(path)) == 2
    with Running(resume=True).opened("check") as options:
        assert options["journal"].recorded(TASK) == Answer(result=1)
    assert not path.exists()


def test_a_single_task_needs_no_journal(tmp_path):
    with Running().opened("check", many=False) as options:
        assert options["journal"] is None


def test_a_second_run_here_keeps_no_journal_and_cannot_resume(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Running().opened("check"):
        with Running().opened("check") as options:
            assert options["journal"] is None
        with pytest.raises(InvalidInput, match="another run is writing"), Running(resume=True).opened("check"):
            pass


def test_caches_that_cannot_be_written_are_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with Running().opened("check") as options:
        assert options["journal"] is None


def test_a_named_journal_is_kept_and_never_overwritten(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Running(journal=path).opened("check") as options:
        options["journal"].record(TASK, Answer(result=1))
    with (
        pytest.raises(InvalidInput, match=r"must be a new file; .* exists\. Go on with it by --resume"),
        Running(journal=path).opened("check"),
    ):
        pass
    assert len(lines(path)) == 2


def test_children_are_one_a_core_unless_told():
    with Running().opened("check", many=False) as options:
        assert options["workers"] == os.cpu_count()
    with Running(jobs=3, scheduler="tcp://x:1").opened("check", many=False) as options:
        assert (options["workers"], options["scheduler"]) == (3, "tcp://x:1")


def test_an_interrupted_run_goes_on_too(tmp_path):
    (tmp_path / "slow.py").write_text(LAYER)
    (tmp_path / "wait").touch()
    process = start(tmp_path, "--jobs", "2", "-q", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    # A fourth check begins once both answers were taken in, not only recorded.
    wait_until(lambda: len(lines(default_journal("check", tmp_path))) == 3 and len(lines(tmp_path / "begun")) == 4)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert [line.split(": ")[0] for line in out.splitlines()] == [
        f"AGREES  slow.py:Slow (number={number})" for number in range(2)
    ]
    assert Path(default_journal("check", tmp_path)).exists()
