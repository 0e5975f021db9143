import ast
import re
from pathlib import Path

import numpy as np
import pytest

from gradcheck.checks import contract, severities
from gradcheck.verdict import Severity

CHECKS = Path(severities.__file__).parent
FILES = ("linearity", "repeatability", "mutation", "aliasing", "layouts", "sizes", "batches", "variants")
TESTS = Path(__file__).parent


def test_every_code_that_is_found_is_in_the_table_and_every_code_of_the_table_can_be_found():
    sources = "\n".join((CHECKS / f"{name}.py").read_text(encoding="utf-8") for name in FILES)
    words = {node.value for node in ast.walk(ast.parse(sources)) if isinstance(node, ast.Constant)}
    spelled = {w for w in words if isinstance(w, str)} | {
        f"{s}-{k}" for s in ("empty", "size-one", "scalar") for k in ("refused", "wrong")
    }
    assert set(severities.SEVERITIES) <= spelled


def test_every_code_is_named_in_a_test():
    text = "\n".join(
        p.read_text(encoding="utf-8") for p in TESTS.glob("test_contract_*.py") if p.name != Path(__file__).name
    )
    unseen = [code for code in severities.SEVERITIES if not re.search(rf'"{code}"', text)]
    assert unseen == ["in-use-refused"]  # here, below


def test_every_severity_has_a_reason():
    assert all(isinstance(s, Severity) and len(why) > 20 for s, why in severities.SEVERITIES.values())


def test_warns_of_a_layer_that_raises_on_arrays_that_are_shared(look_at, x):
    class Suspicious:
        seen = None

        def forward(self, x):
            self.seen = x
            return np.sin(x)

        def backward(self, g, x):
            if x is self.seen:
                raise RuntimeError("that is the array I had before")
            return g * np.cos(x)

    finding = look_at(Suspicious(), x=x).by["in-use-refused"]
    assert finding.severity is Severity.WARNING
    assert "RuntimeError: that is the array I had before" in finding.sentence


@pytest.mark.parametrize("budget", [0, 1, 5, 12, 30])
def test_never_spends_more_than_the_budget(look_at, x, budget):
    spent = look_at((np.sin, lambda g, x: np.squeeze(np.abs(g)) * np.cos(x)), x=x, budget=budget).spent
    assert spent is None or (spent.forward <= budget and spent.backward <= budget)


def test_a_right_layer_leaves_some_of_the_budget(look_at, x, y):
    spent = look_at((np.multiply, lambda g, x, y: (g * y, g * x)), x=x, y=y).spent
    assert spent.forward <= contract.MOST_CALLS - 5
    assert spent.backward <= contract.MOST_CALLS - 3


def test_the_callers_arrays_are_never_touched(look_at, x):
    def forward(x):
        x += 1.0
        return np.sin(x)

    def backward(g, x):
        x *= 2.0
        g *= 0.0
        return g

    kept = x.copy()
    look_at((forward, backward), x=x)
    np.testing.assert_array_equal(x, kept)


def test_no_argument_under_test_means_no_finding(look_at):
    from gradcheck.checks.instrument import Instrument
    from gradcheck.subject import Subject

    subject = Subject("nothing", {}, fresh=lambda: None, wrt=())
    assert contract.contract_findings(Instrument(subject), None, np.random.default_rng(0)) == []


def test_a_backward_that_raises_at_random_stops_nothing(look_at, x):
    calls = []

    def backward(g, x):
        calls.append(1)
        if len(calls) > 8 and len(calls) % 3 == 0:
            raise OSError("the disk is full")
        return g * np.cos(x)

    seen = look_at((np.sin, backward), x=x)
    assert all(f.severity is not Severity.ERROR for f in seen.findings)


def test_huge_and_tiny_gradients_are_compared_without_warnings(look_at, x):
    for size in (1e100, 1e-100, 1e-300):
        assert look_at((lambda x, s=size: s * x**2, lambda g, x, s=size: 2 * s * g * x), x=x).findings == []


def test_one_stage_table_holds_each_check_once():
    assert len(contract.CHECKS) == len(set(contract.CHECKS)) == len(FILES)
