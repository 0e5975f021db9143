"""The benchmark that holds other checkers against the zoo: what it makes of their answers."""

import importlib.util
import sys
from pathlib import Path

import pytest

from gradcheck.faults.zoo import FAULTS, TRICKY

PATH = Path(__file__).parents[2] / "benchmarks" / "power_peers.py"
CASES = {c.name: c for c in (*FAULTS, *TRICKY)}
ROWS = [
    ("gradcheck", "scaling/sign", "caught"),
    ("gradcheck", "tricky-kinks/relu/claims-0", "passes"),
    ("scipy", "scaling/sign", "caught"),
    ("scipy", "scaling/off-by-1e-6", "passes"),
    ("scipy", "states/memory/strides-of-grad-output-ignored", "n/a"),
    ("scipy", "tricky-structures/network/attention", "passes"),
    ("scipy", "tricky-domains/binary/mask-of-floats", "passes"),
]


@pytest.fixture(scope="module")
def peers():
    spec = importlib.util.spec_from_file_location("power_peers", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["power_peers"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["power_peers"]


@pytest.mark.parametrize(("peer", "name", "answer"), ROWS, ids=[f"{p}:{n}" for p, n, _ in ROWS])
def test_peer_answers(peers, peer, name, answer):
    assert peers.ask(peers.PEERS[peer], CASES[name]) == answer


def test_peers_see_no_constant(peers):
    problem = peers.Problem.of(CASES["tricky-domains/binary/mask-of-floats"])
    assert problem.names == ["x"]
