"""`[tool.gradcheck]`: what it may hold, how settings lie over one another, and every refusal's words."""

import pytest

from gradcheck.errors import InvalidInput
from gradcheck.runner.config import configured, find_config, read_config
from gradcheck.runner.job import Job
from gradcheck.runner.planning import labels
from gradcheck.runner.waivers import Waiver

PROJECT = """
[tool.gradcheck]
seed = 3
timeout = 20
inputs = { x = "2,3" }
targets = [
  "a.py:One",
  { target = "a.py:Two", inputs = { w = ["3,4", "3,5"] }, args = { stride = [1, 2], same = true }, seed = 5 },
  { target = "a.py:Three", inputs = { x = "N,H" }, dims = { N = "1..2", H = [4, 5] }, max_configs = 3, memory = "1G" },
  { target = "a.py:Four", points = [{ x = "4,3" }, {}], wrt = "x", errors = ["input-mutated"], grads = { W = "dW" } },
]
waive = [{ target = "a.py:One", argument = "b", reason = "a mean" }]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.py", "b.py"):
        (tmp_path / name).touch()
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    return tmp_path


def jobs(config, **options):
    return [job for one in configured(config, **options) for job in one.jobs]


def test_a_section_comes_to_jobs(folder):
    config = find_config(folder)
    one, *rest = jobs(config)
    assert config.folder == folder
    assert one == Job("a.py:One", {"x": "2,3"}, seed=3, timeout=20.0)
    assert [(job.inputs, job.args, job.seed) for job in rest if job.target == "a.py:Two"] == [
        ({"x": "2,3", "w": w}, {"stride": stride, "same": "True"}, 5) for w in ("3,4", "3,5") for stride in ("1", "2")
    ]
    three = [job for job in rest if job.target == "a.py:Three"]
    assert len(three) == 3
    assert (three[0].inputs, three[-1].inputs, three[0].memory) == ({"x": "1,4"}, {"x": "2,5"}, 1 << 30)
    four = rest[-1]
    assert (four.points, four.wrt, four.errors, four.grads) == (
        ({"x": "4,3"}, {}), ("x",), ("input-mutated",), {"W": "dW"},
    )  # fmt: skip
    assert config.waivers == (Waiver("a.py:One", "a mean", argument="b"),)


def test_the_nearest_file_with_a_section_is_read(folder):
    deeper = folder / "package" / "sub"
    deeper.mkdir(parents=True)
    (folder / "package" / "pyproject.toml").write_text("[tool.other]\nx = 1\n")
    assert find_config(deeper).folder == folder
    (folder / "pyproject.toml").unlink()
    assert find_config(deeper) is None


def test_options_of_a_command_line_win_name_by_name(folder):
    found = jobs(find_config(folder), only=["Two"], overrides={"seed": 9, "args": {"stride": ("7",)}})
    assert {(job.seed, job.args["stride"], job.args["same"]) for job in found} == {(9, "7", "True")}


def test_only_chooses_by_a_part_of_the_name(folder):
    assert {job.target for job in jobs(find_config(folder), only=["One", "Four"])} == {"a.py:One", "a.py:Four"}
    with pytest.raises(InvalidInput, match=r"`targets` of .*pyproject\.toml must list .*; it lists a\.py:One, a\.py"):
        jobs(find_config(folder), only=["Seven"])


def test_jobs_are_named_by_what_differs_within_their_target(folder):
    names = labels(jobs(find_config(folder)))
    assert names[:2] == ["a.py:One", "a.py:Two (w=3,4, stride=1)"]
    assert names[-1] == "a.py:Four"


REFUSED = [
    ({"target": []}, r"\[tool\.gradcheck\] must hold known keys; there is no `target`; did you mean `targets`"),
    ({"colour": 1}, r"there is no `colour`; it may have targets, waive, inputs, args, "),
    ({"targets": "a.py:One"}, r"`targets` must be a list; it is 'a\.py:One'"),
    ({"targets": [3]}, r'an entry of `targets` must be "FILE:NAME" or a table with it'),
    ({"targets": [{"inputs": {}}]}, r"an entry of `targets` must be"),
    ({"targets": [{"target": "a.py:B", "input": {}}]}, r"the target 'a\.py:B' must hold known keys; .*`inputs`"),
    ({"seed": -1}, r"`seed` of \[tool\.gradcheck\] must be an integer of at least 0; it is -1"),
    ({"seed": True}, r"`seed` of \[tool\.gradcheck\] must be an integer"),
    ({"strict": "yes"}, r"`strict` .* must be true or false; it is 'yes'"),
    ({"timeout": 0}, r"`timeout` .* must be a number of at least 0.1; it is 0"),
    ({"effort": "much"}, r"`effort` .* must be one of quick, normal, thorough; it is 'much'"),
    ({"dtype": "int8"}, r"`dtype` .* must be one of float16, float32, float64"),
    ({"memory": "lots"}, r"a size must be a number of bytes above 0"),
    ({"inputs": "x=2"}, r'`inputs` .* must be a table, for instance \{ x = "2,3,8,8" \}'),
    ({"grads": {"W": 3}}, r"`grads` .* must be a text; it is 3"),
    ({"wrt": [1]}, r"`wrt` .* must be a text; it is 1"),
    ({"points": {"x": "2"}}, r"must be a list; it is \{'x': '2'\}"),
    ({"waive": ["a"]}, r"an entry of `waive` must be \{ target = \"FILE:NAME\", reason = "),
    ({"waive": [{"target": "a", "reason": " "}]}, r"`reason` of an entry of `waive` must be a text; it is ' '"),
    ({"waive": [{"target": "a", "reason": "b", "argumnet": "x"}]}, r"no `argumnet`; did you mean `argument`"),
]


@pytest.mark.parametrize(("section", "words"), REFUSED, ids=[str(section)[:30] for section, _ in REFUSED])
def test_what_cannot_be_meant_is_refused(tmp_path, section, words):
    with pytest.raises(InvalidInput, match=words):
        read_config(section, tmp_path)


def test_a_file_that_is_no_toml_is_refused(folder):
    (folder / "pyproject.toml").write_text("[tool.gradcheck\n")
    with pytest.raises(InvalidInput, match=r"a configuration must be TOML that can be read; .*pyproject\.toml"):
        find_config(folder)
    (folder / "pyproject.toml").write_text("tool.gradcheck = 3\n")
    with pytest.raises(InvalidInput, match=r"must be a table; it is 3"):
        find_config(folder)


def test_a_waiver_for_nothing_is_refused(folder):
    text = PROJECT.replace('waive = [{ target = "a.py:One"', 'waive = [{ target = "a.py:Onee"')
    (folder / "pyproject.toml").write_text(text)
    with pytest.raises(InvalidInput, match=r"'a\.py:Onee' is none; did you mean `a\.py:One`"):
        jobs(find_config(folder))
