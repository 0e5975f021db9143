"""The seam on a Dask cluster: a worker killed in the middle loses nothing, and what nobody awaits is ended."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow

LAYER = """
import os, pathlib, time
FOLDER = pathlib.Path(__file__).parent

class Slow:
    def __init__(self, number):
        with open(FOLDER / "begun", "a") as file: file.write(f"{number} {os.getppid()}\\n")
        while (FOLDER / "wait").exists() and number >= 2: time.sleep(0.02)
    def forward(self, x): return 2 * x
    def backward(self, grad_output, x): return 2 * grad_output
"""
CLUSTER = """
import sys
from distributed import LocalCluster

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""
ARGUMENTS = ["check", "slow.py:Slow", "--input", "x=2", "--effort", "quick", *(f"--arg=number={n}" for n in range(5))]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "cluster.py").write_text(CLUSTER)
    process = subprocess.Popen(
        [sys.executable, "cluster.py"], cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    yield process.stdout.readline().strip()
    process.communicate(timeout=60)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "slow.py").write_text(LAYER)
    (tmp_path / "wait").touch()
    return tmp_path


def begun(folder):
    path = folder / "begun"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def start(folder, address):
    command = [sys.executable, "-m", "gradcheck", *ARGUMENTS, "--scheduler", address, "--journal", "journal", "--json"]
    return subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def recorded(folder):
    path = folder / "journal"
    return path.read_text().splitlines()[1:] if path.exists() else []


def test_a_worker_killed_in_the_middle_loses_nothing(folder, address):
    process = start(folder, address)
    wait_until(lambda: len(recorded(folder)) == 2 and len(begun(folder)) >= 4)
    number, worker = begun(folder)[-1]
    os.kill(int(worker), signal.SIGKILL)
    wait_until(lambda: number in [again for again, by in begun(folder) if by != worker])
    (folder / "wait").unlink()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    results = json.loads(out)["results"]
    assert [result["verdict"] for result in results] == ["agrees"] * 5
    keys = [json.loads(line)["key"] for line in recorded(folder)]
    assert len(keys) == len(set(keys)) == 5
    assert [number for number, _ in begun(folder)].count("0") == 1


def test_what_nobody_awaits_any_more_is_ended_on_the_workers(folder, address):
    process = start(folder, address)
    wait_until(lambda: len(begun(folder)) >= 4)
    children = [child for _, by in begun(folder) for child in psutil.Process(int(by)).children()]
    assert children
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert not psutil.wait_procs(children, timeout=30)[1]
