"""docs/ci.md is copied by users: its blocks are read, and its project is checked as CI would."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from gradcheck.cli import main
from gradcheck.cli.check import command as check_command
from gradcheck.runner.config import SETTINGS, read_config

pytestmark = pytest.mark.slow  # processes by the dozen, or many thousand derivatives

PAGE = (Path(__file__).parents[2] / "docs" / "ci.md").read_text(encoding="utf-8")
LAYERS = """
import numpy as np
class Conv:  # a kernel as wide as a pixel says enough here
    def __init__(self, stride): self.stride = stride
    def forward(self, x, w):
        s = self.stride
        return np.einsum("nchw,kcij->nkhw", x[:, :, ::s, ::s], w)
    def backward(self, grad_output, x, w):
        s, grad_x = self.stride, np.zeros_like(x)
        grad_x[:, :, ::s, ::s] = np.einsum("nkhw,kcij->nchw", grad_output, w)
        grad_w = np.einsum("nkhw,nchw->kc", grad_output, x[:, :, ::s, ::s])
        return grad_x, np.broadcast_to(grad_w[:, :, None, None], w.shape).copy()

def relu(x): return np.maximum(x, 0)
def relu_backward(grad_output, x): return grad_output * (x > 0)

class Old:
    def forward(self, x, b): return x + b
    def backward(self, grad_output, x, b): return grad_output * 1.0, grad_output.mean(axis=0)
"""


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_project_of_the_page_is_checked_by_the_command_of_the_page(tmp_path, monkeypatch, capsys):
    (toml,) = blocks("toml")
    old = '{ target = "layers.py:Old", inputs = { x = "3,2", b = "2" } },\n]\nwaive'
    (tmp_path / "pyproject.toml").write_text(toml.replace("]\nwaive", f"  {old}", 1))
    (tmp_path / "layers.py").write_text(LAYERS)
    monkeypatch.chdir(tmp_path)
    (words,) = re.findall(r"- run: gradcheck (check .*)", PAGE)
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(words))
    out = capsys.readouterr().out
    assert ended.value.code == 0, out
    assert (tmp_path / "gradients.xml").exists()
    assert (tmp_path / "gradients.html").exists()
    assert out.count("AGREES            layers.py:") == 3
    assert "WAIVED" in out


def test_the_configuration_of_the_page_is_one_and_names_every_key():
    (toml,) = blocks("toml")
    config = read_config(tomllib.loads(toml)["tool"]["gradcheck"], Path())
    assert [name for name, _ in config.targets] == ["layers.py:Conv", "layers.py:relu,relu_backward"]
    named = PAGE.partition("The keys are")[2].partition("An unknown key")[0]
    for key in re.findall(r"`(\w+)`", named):
        assert key in SETTINGS, key


def test_every_option_that_the_page_names_exists():
    options = {name for parameter in check_command.params for name in parameter.opts}
    plugin = {"--gradcheck", "--gradcheck-seed", "--gradcheck-html"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE)) <= options | plugin


def test_the_yaml_of_the_page_can_be_read():
    yaml = pytest.importorskip("yaml")
    workflow, hooks = map(yaml.safe_load, blocks("yaml"))
    assert [step["run"] for step in workflow["jobs"]["gradcheck"]["steps"] if "run" in step]
    (hook,) = hooks["repos"][0]["hooks"]
    assert hook["entry"].startswith("gradcheck check")
    assert not hook["pass_filenames"]
