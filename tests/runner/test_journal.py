"""The journal: what is recorded is kept, what was torn runs again, and nothing stale is believed."""

import json

import pytest

from gradcheck.errors import InvalidInput
from gradcheck.report.record import Failure
from gradcheck.runner.journal import Journal
from gradcheck.runner.task import Answer, Task, canonical, digest

TASKS = [Task("check", {"target": f"layers.py:L{number}", "seed": number}, label=f"L{number}") for number in range(3)]
FAILED = Answer(failure=Failure("L1", "timeout", "not done", stage="check"), printed="é\x1b[0m", seconds=1.5)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.jsonl"


def written(path, count=3):
    with Journal(path) as journal:
        for number, task in enumerate(TASKS[:count]):
            journal.record(task, Answer(result={"number": number}))
    return path.read_bytes()


def test_answers_survive(path):
    with Journal(path) as journal:
        journal.record(TASKS[0], Answer(result=[1, "inf", None]))
        journal.record(TASKS[1], FAILED)
    with Journal(path, resume=True) as journal:
        assert journal.count == 2
        assert journal.recorded(TASKS[0]) == Answer(result=[1, "inf", None])
        assert journal.recorded(TASKS[1]) == FAILED
        assert journal.recorded(TASKS[2]) is None


def test_every_answer_is_a_line_of_json_below_the_schema(path):
    lines = [json.loads(line) for line in written(path).splitlines()]
    assert lines[0] == {"schema": "gradcheck/journal/1"}
    assert [line["label"] for line in lines[1:]] == ["L0", "L1", "L2"]


def test_an_answer_is_recorded_once(path):
    with Journal(path) as journal:
        journal.record(TASKS[0], Answer(result=1))
        journal.record(TASKS[0], Answer(result=2))
        assert journal.recorded(TASKS[0]).result == 1
    assert len(path.read_bytes().splitlines()) == 2


def test_a_journal_starts_empty_unless_it_is_resumed(path):
    written(path)
    with Journal(path) as journal:
        assert journal.count == 0
    assert len(path.read_bytes().splitlines()) == 1


def test_a_torn_last_line_is_cut_off_wherever_it_was_torn(path):
    whole = written(path)
    start = whole[:-1].rindex(b"\n") + 1
    for length in range(start, len(whole)):
        path.write_bytes(whole[:length])
        with Journal(path, resume=True) as journal:
            assert journal.count == 2
            journal.record(TASKS[2], Answer(result={"number": 2}))
        assert path.read_bytes() == whole


def test_a_torn_first_line_is_an_empty_journal(path):
    written(path, 0)
    path.write_bytes(path.read_bytes()[:-4])
    with Journal(path, resume=True) as journal:
        assert journal.count == 0
        journal.record(TASKS[0], Answer(result=1))
    with Journal(path, resume=True) as journal:
        assert journal.count == 1


def test_a_damaged_line_in_the_middle_is_refused(path):
    lines = written(path).splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"{}\n", *lines[3:]]))
    with pytest.raises(InvalidInput, match=r"line 3 of the journal .* is damaged; remove that line"):
        Journal(path, resume=True)


def test_another_file_is_refused(path):
    path.write_text("notes of mine\n")
    with pytest.raises(InvalidInput, match=r"must be of the schema 'gradcheck/journal/1'; .* is none"):
        Journal(path, resume=True)
    assert path.read_text() == "notes of mine\n"


def test_a_journal_in_no_folder_is_refused(path):
    with pytest.raises(InvalidInput, match="a journal must be a file that can be written"):
        Journal(path / "deeper")


def test_a_journal_belongs_to_one_run(path):
    with Journal(path), pytest.raises(InvalidInput, match="another run is writing"):
        Journal(path)


def test_an_answer_counts_only_while_its_files_are_unchanged(path, tmp_path):
    file = tmp_path / "layers.py"
    file.write_text("before")
    with Journal(path) as journal:
        journal.record(TASKS[0], Answer(result=1, files={str(file): digest(str(file))}))
    with Journal(path, resume=True) as journal:
        assert journal.recorded(TASKS[0]).result == 1
    file.write_text("after")
    with Journal(path, resume=True) as journal:
        assert journal.recorded(TASKS[0]) is None
        journal.record(TASKS[0], Answer(result=2, files={str(file): digest(str(file))}))
    with Journal(path, resume=True) as journal:
        assert journal.recorded(TASKS[0]).result == 2


def test_a_key_is_that_of_the_work_and_not_of_its_label(monkeypatch, tmp_path):
    task = Task("fuzz", {"a": 1, "b": 2}, label="one")
    assert task.key == Task("fuzz", {"b": 2, "a": 1}, label="other").key
    others = [
        Task("check", task.spec), Task("fuzz", {"a": 1, "b": 3}), Task("fuzz", task.spec, timeout=1.0),
        Task("fuzz", task.spec, memory=1), Task("fuzz", task.spec, folder="/"),
    ]  # fmt: skip
    assert len({task.key, *(other.key for other in others)}) == 6


def test_a_task_survives_json():
    task = Task("check", {"points": [{"x": "2"}]}, label="t", reads=("a.py",), timeout=2.0, memory=5)
    assert Task.from_json(task.to_json()) == task
    assert canonical({"b": 1, "a": "é"}) == '{"a":"\\u00e9","b":1}'
