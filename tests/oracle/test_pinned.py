"""The pinned suite: a fresh one has its checksum, and a user's copy is made once, as a whole, and mended."""

import json
from pathlib import Path

import pytest

from gradcheck.oracle import pinned as pins
from gradcheck.oracle.making import make_case, make_cases, make_suite, names
from gradcheck.oracle.operations import OPERATIONS
from gradcheck.oracle.suite import MANIFEST, DamagedSuite, load_suite, write_suite

FEW = ("conv1d/plain", "max_pool1d/ties-of-zeros", "tanh/subnormal-input", "cross_entropy/one-sample-mean")


@pytest.fixture(scope="module")
def few():
    return make_suite([make_case(name) for name in FEW])


@pytest.fixture
def kept(few, monkeypatch):
    monkeypatch.setattr(pins, "pinned", lambda: pins.record_of(few))
    return few


@pytest.mark.slow
def test_a_fresh_suite_has_the_pinned_checksum_and_survives_the_disk(whole_suite, tmp_path):
    assert pins.record_of(whole_suite) == pins.pinned()
    write_suite(whole_suite, tmp_path / "suite")
    assert load_suite(tmp_path / "suite").sha256 == whole_suite.sha256
    assert sum(path.stat().st_size for path in (tmp_path / "suite").iterdir()) < 20e6


def test_pinned_counts_are_what_is_promised():
    record = pins.pinned()
    assert record["cases"] == len(names()) >= 600
    assert record["bytes"] < 20e6
    assert set(record["operations"]) == set(OPERATIONS)
    assert set(record["results"]) == {"exact", "rounded", "several"}


def test_two_processes_make_what_one_does():
    wanted = names()[100:117]
    one, two = (make_suite(list(make_cases(wanted, workers=workers))) for workers in (1, 2))
    assert one.sha256 == two.sha256


def test_suite_is_made_once_and_then_read(kept, tmp_path):
    made = []

    def make():
        made.append(1)
        return kept

    folder = tmp_path / "caches" / "suite"
    assert pins.kept_suite(make, folder).sha256 == kept.sha256
    assert pins.kept_suite(make, folder).sha256 == kept.sha256
    assert len(made) == 1
    assert [path.name for path in folder.parent.iterdir()] == ["suite"]


def test_a_damaged_copy_is_made_anew(kept, tmp_path):
    folder = tmp_path / "suite"
    pins.kept_suite(lambda: kept, folder)
    (folder / "conv.safetensors").write_bytes(b"oh")
    assert pins.kept_suite(lambda: kept, folder).sha256 == kept.sha256
    assert load_suite(folder).sha256 == kept.sha256


def test_a_run_that_fails_leaves_nothing_behind(kept, tmp_path):
    def make():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pins.kept_suite(make, tmp_path / "suite")
    assert list(tmp_path.iterdir()) == []


def test_a_faster_run_is_found(kept, tmp_path):
    folder = tmp_path / "suite"

    def make():
        write_suite(kept, folder)
        return kept

    assert pins.kept_suite(make, folder).sha256 == kept.sha256


def test_numbers_other_than_the_pinned_ones_are_refused(few, tmp_path):
    with pytest.raises(DamagedSuite, match="must have the checksum that this release pins"):
        pins.kept_suite(lambda: few, tmp_path / "suite")
    assert not (tmp_path / "suite" / MANIFEST).exists()


FOLDERS = [
    ("linux", {"HOME": "/h"}, "/h/.cache"),
    ("linux", {"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "/x"),
    ("darwin", {"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "/h/Library/Caches"),
    ("win32", {"USERPROFILE": "/u", "LOCALAPPDATA": "/u/local"}, "/u/local"),
    ("win32", {"USERPROFILE": "/u"}, "/u/AppData/Local"),
]


@pytest.mark.parametrize(("system", "environment", "caches"), FOLDERS)
def test_copy_lives_where_the_system_foresees_caches(system, environment, caches):
    folder = pins.default_folder(environment, system)
    assert folder.parent == Path(caches) / "gradcheck"
    assert folder.name == f"vectors-1-{pins.pinned()['sha256'][:16]}"


def test_pinned_record_is_tidy_json():
    path = Path(pins.__file__).with_name("vectors-1.pinned.json")
    text = path.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=1) + "\n"
