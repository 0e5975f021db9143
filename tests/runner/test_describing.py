"""What a target takes, looked up without calling it."""

import pytest

from gradcheck.runner.describing import Parameter, describe

SOURCE = """
class Conv:
    def __init__(self, filters, size=3, mode="max"):
        if self.mode == "average": pass
    def forward_pass(self, x, training=True): ...
    def backward_pass(self, grad): ...

def pool(x, pool_param, mode):
    if mode in ("max", "mean"): pass
    return read(pool_param)

def pool_back(grad_output, cache): ...

def read(pool_param): return pool_param["stride"], pool_param.get("pad", 0)
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    import importlib.util
    import sys

    path = tmp_path_factory.mktemp("describing") / "described.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("described", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["described"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["described"]


def test_a_class_is_described_by_its_constructor_and_by_the_passes_it_has(module):
    target = describe((module.Conv,))
    assert (target.kind, target.name) == ("class", "Conv")
    assert [(p.name, p.required, p.default) for p in target.constructor] == [
        ("filters", True, None), ("size", False, 3), ("mode", False, "max"),
    ]  # fmt: skip
    assert [p.name for p in target.forward] == ["x", "training"]
    assert [p.name for p in target.backward] == ["grad"]
    assert "average" in target.constructor[2].choices


def test_keys_of_a_dict_argument_are_found_even_where_another_function_reads_them(module):
    target = describe((module.pool, module.pool_back))
    assert target.kind == "pair"
    assert target.forward[1] == Parameter("pool_param", True, None, ("stride", "pad"))
    assert target.forward[2].choices == ("max", "mean")


def test_what_has_no_passes_is_a_function_and_what_has_no_signature_takes_nothing():
    assert describe((len,)).kind == "function"
    assert describe((iter,)).forward == ()
