"""Target strings: what they are split into, and what is said when they name nothing."""

import sys

import pytest

from gradcheck.errors import LayerFailed, MissingExtra, TargetError
from gradcheck.runner import substitutes
from gradcheck.runner.importing import root_notes
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


@pytest.fixture
def importing(monkeypatch):
    """Import targets as a child does, and give the path and the modules back."""
    known = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    yield lambda text: load(parse_target(text))
    for name in set(sys.modules) - known:
        del sys.modules[name]


def test_a_pair_may_come_from_two_files(tmp_path, importing):
    (tmp_path / "first_half.py").write_text("def forward(x): return x\n")
    (tmp_path / "second_half.py").write_text("def backward(g): return g\n")
    text = f"{tmp_path}/first_half.py:forward, {tmp_path}/second_half.py:backward"
    assert len(parse_target(text).files) == 2
    forward, backward = importing(text)
    assert (forward(3), backward(4)) == (3, 4)


def test_a_missing_second_file_is_answered(tmp_path):
    (tmp_path / "one.py").write_text("")
    with pytest.raises(TargetError, match=r"there is no .*other\.py"):
        parse_target(f"{tmp_path}/one.py:f,{tmp_path}/other.py:g")


def test_imports_that_start_at_the_projects_root_are_found(tmp_path, importing):
    inner = tmp_path / "project" / "parts" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / "project" / "tools_of_nobody.py").write_text("TWO = 2\n")
    (inner / "from_the_root.py").write_text("from tools_of_nobody import TWO\ndef double(x): return TWO * x\n")
    (double,) = importing(f"{inner}/from_the_root.py:double")
    assert double(4) == 8
    assert any("`tools_of_nobody` is imported from" in note for note in root_notes())


def test_relative_imports_work_in_a_folder_that_is_no_package(tmp_path, importing):
    folder = tmp_path / "no_package_here"
    folder.mkdir()
    (folder / "rules.py").write_text("THREE = 3\n")
    (folder / "relative_layer.py").write_text("from .rules import THREE\ndef triple(x): return THREE * x\n")
    (triple,) = importing(f"{folder}/relative_layer.py:triple")
    assert triple(2) == 6


def test_a_missing_module_that_layers_only_draw_with_is_stood_in_for(tmp_path, importing, monkeypatch):
    monkeypatch.setattr(substitutes, "ASIDE", {"pictures_of_nobody"})
    monkeypatch.setattr(substitutes, "_stood_in", [])
    lines = "from pictures_of_nobody import pyplot, tqdm\n\ndef total(xs): return sum(tqdm(xs))\n"
    (tmp_path / "draws.py").write_text(lines)
    (total,) = importing(f"{tmp_path}/draws.py:total")
    assert total([1, 2]) == 3
    (note,) = substitutes.notes_on((), old_numpy=False)
    assert note == "not installed, and stubbed: pictures_of_nobody; whatever they compute is left out"


def test_any_other_missing_module_is_answered_with_the_remedies(tmp_path, importing):
    (tmp_path / "lacks.py").write_text("import module_of_nobody\n")
    with pytest.raises(LayerFailed, match=r"PYTHONPATH=FOLDER; if the layer works without it, --stub module_of_nobody"):
        importing(f"{tmp_path}/lacks.py:x")


def test_numpy_takes_the_place_of_a_missing_twin(tmp_path, importing, monkeypatch):
    monkeypatch.setattr(substitutes, "_TWINS", {"twin_of_nobody": {"asnumpy": len}})
    monkeypatch.setattr(substitutes, "_stood_in", [])
    (tmp_path / "twins.py").write_text(
        "import twin_of_nobody as cp\n\ndef total(xs): return float(cp.sum(cp.array(xs)))\n"
    )
    (total,) = importing(f"{tmp_path}/twins.py:total")
    assert total([1, 2]) == 3.0
    assert substitutes.notes_on((), old_numpy=False) == ["not installed, NumPy takes its place: twin_of_nobody"]


def test_a_module_aside_of_another_version_is_stood_in_for_too(tmp_path, importing, monkeypatch):
    monkeypatch.setattr(substitutes, "ASIDE", {"aside_of_nobody"})
    monkeypatch.setattr(substitutes, "_stood_in", [])
    (tmp_path / "aside_of_nobody.py").write_text("")
    (tmp_path / "older.py").write_text("from aside_of_nobody import removed\n\ndef one(): return 1\n")
    assert importing(f"{tmp_path}/older.py:one")[0]() == 1


def test_what_lies_outside_the_project_is_not_taken_for_its_root(tmp_path, importing):
    inner = tmp_path / "project" / "parts"
    inner.mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").write_text("")
    (tmp_path / "strange_tools.py").write_text("TWO = 2\n")
    (inner / "lost.py").write_text("from strange_tools import TWO\n")
    with pytest.raises(LayerFailed, match="needs the module 'strange_tools'"):
        importing(f"{inner}/lost.py:TWO")
