"""Target strings: what they are split into, and what is said when they name nothing."""

import sys

import pytest

from gradcheck.errors import MissingExtra, TargetError
from gradcheck.runner.targets import load, parse_target

SPLIT = [
    ("nets.layers:Conv", "nets.layers", ("Conv",), False),
    ("nets.layers:Outer.Inner", "nets.layers", ("Outer.Inner",), False),
    ("nets.layers:f,b", "nets.layers", ("f", "b"), False),
]


@pytest.mark.parametrize(("text", "place", "names", "is_file"), SPLIT, ids=[row[0] for row in SPLIT])
def test_a_target_is_split_at_its_last_colon(text, place, names, is_file):
    target = parse_target(text)
    assert (target.place, target.names, target.is_file) == (place, names, is_file)


def test_a_colon_in_the_path_stays_there(tmp_path):
    folder = tmp_path / "c:x"
    folder.mkdir()
    (folder / "layer.py").write_text("")
    target = parse_target(f"{folder}/layer.py:Conv")
    assert (target.place, target.names, target.is_file) == (f"{folder}/layer.py", ("Conv",), True)


@pytest.mark.parametrize("text", ["layer.py", ":Conv", "a:b,c,d", "a:", "a:2", r"C:\x\layer.py", ""])
def test_a_target_without_place_and_name_is_answered(text):
    with pytest.raises(TargetError, match=r"a target must be path\.py:Name, package\.module:name or path\.py:forward"):
        parse_target(text)


def test_a_file_without_a_name_is_answered_with_what_it_defines(tmp_path):
    file = tmp_path / "layer.py"
    file.write_text("class Conv: pass\ndef pool(x): pass\ndef _own(): pass\n")
    with pytest.raises(TargetError, match=r"defines Conv, pool\."):
        parse_target(str(file))


def test_a_missing_file_is_answered_with_a_near_name(tmp_path):
    (tmp_path / "layers.py").write_text("")
    with pytest.raises(TargetError, match=r"there is no .*did you mean `layers\.py`\?"):
        parse_target(f"{tmp_path}/layrs.py:Conv")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(TargetError, match="is a folder"):
        parse_target(f"{tmp_path}/:Conv")


def test_a_file_that_needs_an_absent_framework_asks_for_the_extra(tmp_path, monkeypatch):
    file = tmp_path / "needs_torch.py"
    file.write_text("import torch\n")
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(MissingExtra, match=r'^needs pip install "gradcheck\[torch\]"$'):
        load(parse_target(f"{file}:Layer"))
