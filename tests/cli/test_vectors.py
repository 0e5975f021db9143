"""`gradcheck vectors`: write, verify, list and show, on a few cases; a wrong number ends with 1, misuse with 2."""

import json
import sys

import numpy as np
import pytest

from gradcheck.cli import main
from gradcheck.oracle import making
from gradcheck.oracle import pinned as pins
from gradcheck.oracle.suite import load_suite

FEW = ["conv1d/plain", "conv2d/stride-nondividing", "tanh/subnormal-input"]


@pytest.fixture(scope="module")
def few():
    return making.make_suite([making.make_case(name) for name in FEW])


@pytest.fixture
def run(capsys, monkeypatch, few, tmp_path):
    monkeypatch.setattr(making, "names", lambda: FEW)
    monkeypatch.setattr(pins, "pinned", lambda: pins.record_of(few))
    monkeypatch.setattr(pins, "default_folder", lambda: tmp_path / "caches" / "suite")

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["vectors", *map(str, arguments)])
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return run


def test_write_and_verify_agree(run, few, tmp_path):
    code, out, err = run("write", tmp_path / "v")
    assert (code, err) == (0, "")
    assert out.startswith("3 cases in ")
    assert out.rstrip().endswith(few.sha256)
    code, out, _ = run("verify", tmp_path / "v")
    assert (code, out) == (0, f"3 cases, sha256 {few.sha256}: every number as computed\n")


def test_verify_names_the_entry_that_differs_and_returns_1(run, tmp_path):
    """A forger who also restates the checksum is found by recomputing."""
    from gradcheck.oracle.suite import suite_of, write_suite

    run("write", tmp_path / "v")
    stored = load_suite(tmp_path / "v")
    stored.case("conv1d/plain").tensors["output"][0, 0, 1] += 1
    write_suite(suite_of(stored.cases), tmp_path / "forged")
    code, out, _ = run("verify", tmp_path / "forged")
    assert code == 1
    assert "conv1d/plain: output differs at entry 1: stored " in out
    assert "; this release pins " in out
    assert out.endswith("DIFFERENT\n")


def test_write_tells_of_a_checksum_that_is_not_the_pinned_one(run, tmp_path, monkeypatch):
    monkeypatch.setattr(making, "names", lambda: FEW[:1])
    code, out, _ = run("write", tmp_path / "v")
    assert code == 1
    assert "this is not the checksum that this release pins" in out


def test_write_refuses_a_folder_with_something_in_it_before_any_work(run, tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_text("x")
    monkeypatch.setattr(making, "names", lambda: pytest.fail("began to work"))
    code, _, err = run("write", tmp_path)
    assert code == 2
    assert "must be new or empty" in err


def test_a_damaged_suite_is_one_sentence_and_exit_code_2(run, tmp_path):
    run("write", tmp_path / "v")
    (tmp_path / "v" / "tanh.safetensors").write_bytes(b"\x00" * 9)
    code, out, err = run("verify", tmp_path / "v")
    assert (code, out) == (2, "")
    assert "must be a safetensors file" in err
    assert err.count("\n") == 1
    document = json.loads((tmp_path / "v" / "manifest.json").read_text())
    (tmp_path / "v" / "manifest.json").write_text(json.dumps({**document, "schema": "gradcheck/vectors/9"}))
    code, _, err = run("list", "--vectors", tmp_path / "v")
    assert code == 2
    assert "must be of the version gradcheck/vectors/1; it is of 'gradcheck/vectors/9'" in err


def test_list_makes_the_suite_once_in_the_cache_and_filters(run, tmp_path, monkeypatch):
    code, out, _ = run("list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == FEW
    monkeypatch.setattr(making, "names", lambda: pytest.fail("made it twice"))
    assert run("list", "--only", "conv", "--flag", "nondividing-stride")[1].split()[0] == FEW[1]
    code, _, err = run("list", "--only", "no-such")
    assert code == 2
    assert "no case is chosen" in err
    code, _, err = run("list", "--flag", "nondividing-strid")
    assert code == 2
    assert "there is no flag 'nondividing-strid'; did you mean `nondividing-stride`?" in err


def test_flags_are_listed_with_their_sentences(run):
    code, out, _ = run("list", "--flags")
    assert code == 0
    assert "kernel-not-rotated: errors go back through the kernel without its rotation by 180 degrees" in out


def test_show_tells_hyperparameters_flags_and_small_arrays(run):
    code, out, _ = run("show", "conv1d/plain")
    assert code == 0
    assert out.startswith("conv1d/plain: conv, exact, float16, float32, float64\n")
    assert "  stride = [1]\n" in out
    assert "  kernel-not-rotated: errors go back" in out
    assert "inputs/bias: int8 (3,) [" in out
    code, _, err = run("show", "conv1d/plane")
    assert code == 2
    assert "no case 'conv1d/plane'; did you mean `conv1d/plain`" in err


@pytest.mark.parametrize("absent", ["mpmath", "safetensors.numpy"])
def test_without_the_extra_its_name_is_said_before_any_work(run, tmp_path, monkeypatch, absent):
    from gradcheck.oracle import correct

    correct.context.cache_clear()
    monkeypatch.setitem(sys.modules, absent, None)
    code, _, err = run("write", tmp_path / "v")
    assert code == 2
    assert 'needs pip install "gradcheck[oracle]"' in err


def test_numbers_are_the_same_for_any_byte_order_and_layout(few):
    from dataclasses import replace

    from gradcheck.oracle.suite import suite_of

    swapped = [
        replace(
            case,
            tensors={role: np.asfortranarray(t.astype(t.dtype.newbyteorder())) for role, t in case.tensors.items()},
        )
        for case in few
    ]
    assert suite_of(swapped).sha256 == few.sha256
