"""docs/method.md names every constant of the measurement and the judgement with its value; so does the code."""

import importlib
import math
import pkgutil
import re
from pathlib import Path

import pytest

import gradcheck.checks
import gradcheck.numdiff

METHOD = Path(__file__).resolve().parents[2] / "docs" / "method.md"
ROW = re.compile(r"^\| `(\w+)\.([A-Z_0-9]+)` \| (.+?) \| (.+) \|$", re.MULTILINE)
FUNCTIONS = {"__builtins__": {}, "sqrt": math.sqrt, "log": math.log, "inf": math.inf}


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def constants():
    """Every module-level constant that is a number or a tuple of numbers, where it is defined."""
    found = {}
    for package in (gradcheck.numdiff, gradcheck.checks):
        for entry in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{entry.name}")
            text = Path(module.__file__).read_text(encoding="utf-8")
            for names in re.findall(r"^([A-Z][A-Z_0-9, ]*)(?:: [^=]+)? = ", text, re.MULTILINE):
                for name in names.split(", "):
                    value = getattr(module, name)
                    if is_number(value) or (isinstance(value, tuple) and value and all(map(is_number, value))):
                        found[entry.name, name] = value
    return found


def documented():
    text = METHOD.read_text(encoding="utf-8")
    # The values are arithmetic written in this repository.
    return {(m, n): (eval(v.replace("^", "**"), FUNCTIONS), origin) for m, n, v, origin in ROW.findall(text)}


def test_method_names_every_constant_and_no_other():
    assert set(documented()) == set(constants())


def test_method_gives_every_constant_its_value():
    table = documented()
    wrong = {
        key: (value, table[key][0])
        for key, value in constants().items()
        if key in table and table[key][0] != pytest.approx(value, rel=1e-12, abs=0.0)
    }
    assert wrong == {}


def test_method_says_where_every_constant_comes_from():
    assert [key for key, (_, origin) in documented().items() if len(origin) < len("one unit")] == []


def test_threshold_is_the_one_derived():
    from gradcheck.checks.comparison import COMPARISONS, FALSE_ALARMS, THRESHOLD

    assert 2 * COMPARISONS * math.exp(-(THRESHOLD**2) / 2) == pytest.approx(FALSE_ALARMS)
    assert 2 * math.exp(-(THRESHOLD**2) / 8) * 19_000 * 2 * math.exp(-(THRESHOLD**2) / 2) <= FALSE_ALARMS
