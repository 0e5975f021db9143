"""Every Python block of docs/frameworks.md runs as it stands, where its framework is installed."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "frameworks.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
FRAMEWORKS = ("torch", "jax", "autograd")


def needs(block):
    return next((name for name in FRAMEWORKS if re.search(rf"^(import|from) {name}\b", block, re.MULTILINE)), "")


def test_there_is_a_block_for_each_framework_and_one_for_none():
    assert {needs(block) for block in BLOCKS} == {*FRAMEWORKS, ""}


def test_every_block_checks_what_it_shows():
    assert [block for block in BLOCKS if not re.search(r"\bassert(_agrees)?\b", block)] == []


@pytest.mark.parametrize("block", BLOCKS, ids=[needs(block) or "tape" for block in BLOCKS])
def test_a_block_runs(block):
    if needs(block) and find_spec(needs(block)) is None:
        pytest.skip(f'needs the extra "{needs(block)}"')
    exec(compile(block, str(PAGE), "exec"), {"__name__": "__main__"})  # a page's own code is what is tested
