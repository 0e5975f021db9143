"""The format: what is written is read again, to the bit; what is damaged is refused with one sentence."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from gradcheck.errors import InvalidInput, MissingExtra
from gradcheck.oracle.case import Case, smallest_integers
from gradcheck.oracle.suite import DamagedSuite, load_cases, load_suite, schema_document, suite_of, write_suite


def conv(name="conv1d/plain", **changes):
    tensors = {
        "inputs/input": np.array([[[1, 2, 3]]], np.int8),
        "inputs/weight": np.array([[[1, -1]]], np.int8),
        "grad_output": np.array([[[2, 5]]], np.int8),
        "output": np.array([[[-1, -1]]], np.int8),
        "gradients/input": np.array([[[2, 3, -5]]], np.int8),
        "gradients/weight": np.array([[[12, 19]]], np.int8),
    }
    made = Case(
        name, "conv", {"stride": [1]}, "exact", ("kernel-not-rotated",), ("float32",), ("input", "weight"), tensors
    )
    return replace(made, **changes)


def rounded_case():
    one = np.array(1 / 3)
    results = {f"{role}/{d}": one.astype(d) for role in ("output", "gradients/input") for d in ("float32", "float64")}
    tensors = {"inputs/input": np.array(1.5, np.float16), "grad_output": np.array(1, np.int8), **results}
    labels = {"inputs/target": np.array([2], np.int8)}
    dtypes = ("float32", "float64")
    return Case(
        "loss/mean", "loss", {"reduction": "mean"}, "rounded", (), dtypes, ("input", "target"), tensors | labels
    )


@pytest.fixture
def folder(tmp_path):
    write_suite(suite_of([rounded_case(), conv()], provenance={"generator": "by hand"}), tmp_path / "suite")
    return tmp_path / "suite"


def test_suite_is_read_as_it_was_written(folder):
    written, read = suite_of([rounded_case(), conv()]), load_suite(folder)
    assert [case.name for case in read] == ["conv1d/plain", "loss/mean"]
    assert (read.sha256, read.provenance) == (written.sha256, {"generator": "by hand"})
    for one, other in zip(read, written, strict=True):
        assert replace(one, tensors={}) == replace(other, tensors={})
        assert one.tensors.keys() == other.tensors.keys()
        for role, tensor in one.tensors.items():
            assert tensor.dtype == other.tensors[role].dtype
            assert tensor.shape == other.tensors[role].shape
            assert np.array_equal(tensor, other.tensors[role])


def test_files_hold_no_metadata_and_no_pickle(folder):
    for path in folder.glob("*.safetensors"):
        raw = path.read_bytes()
        header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
        assert "__metadata__" not in header
    assert sorted(path.name for path in folder.iterdir()) == ["conv.safetensors", "loss.safetensors", "manifest.json"]


def test_checksum_tells_numbers_shapes_dtypes_names_and_hyperparameters_apart_but_not_provenance():
    plain = conv()
    weight = plain.tensors["inputs/weight"]
    variants = [
        plain,
        conv("conv1d/other"),
        conv(hyperparameters={"stride": [2]}),
        conv(flags=()),
        conv(tensors={**plain.tensors, "inputs/weight": -weight}),
        conv(tensors={**plain.tensors, "inputs/weight": weight.reshape(1, 2)}),
        conv(tensors={**plain.tensors, "inputs/weight": weight.astype(np.int16)}),
    ]
    assert len({suite_of([case]).sha256 for case in variants}) == len(variants)
    assert suite_of([plain]).sha256 == suite_of([plain], provenance={"numpy": "2"}).sha256
    fortran = conv(tensors={role: np.asfortranarray(tensor) for role, tensor in plain.tensors.items()})
    assert suite_of([plain]).sha256 == suite_of([fortran]).sha256


def test_vector_of_an_exact_case_is_the_integers_in_the_dtype():
    vector = conv().vector("float32")
    assert [each.dtype for each in (vector.grad_output, vector.output, *vector.inputs.values())] == [np.float32] * 4
    assert vector.gradients["weight"].tolist() == [[[12, 19]]]
    assert not vector.split
    assert not vector.lowest


def test_vector_of_a_rounded_case_has_the_numbers_of_that_dtype_and_keeps_labels():
    case = rounded_case()
    assert case.differentiated == ("input",)
    for dtype in case.dtypes:
        vector = case.vector(dtype)
        assert vector.output == np.array(1 / 3).astype(dtype)
        assert vector.output.dtype == vector.inputs["input"].dtype == dtype
        assert vector.inputs["target"].dtype == np.int8


def test_vector_refuses_a_dtype_that_the_case_does_not_exist_in():
    with pytest.raises(InvalidInput, match=r"one that the case conv1d/plain exists in, float32; it is 'float16'"):
        conv().vector("float16")


def test_suite_finds_a_case_by_name_and_suggests_a_near_one(folder):
    assert load_suite(folder).case("conv1d/plain").operation == "conv"
    with pytest.raises(InvalidInput, match=r"no case 'conv1d/plane'; did you mean `conv1d/plain`"):
        load_suite(folder).case("conv1d/plane")


def test_some_cases_are_read_as_the_whole_suite_has_them(folder):
    (case,) = load_cases(folder, ["loss/mean"]).values()
    assert replace(case, tensors={}) == replace(load_suite(folder).case("loss/mean"), tensors={})
    assert case.tensors["output/float32"] == np.float32(1 / 3)


def test_two_cases_of_one_name_are_refused():
    with pytest.raises(InvalidInput, match="twice there is conv1d/plain"):
        suite_of([conv(), conv()])


def test_write_refuses_a_folder_with_something_in_it(folder):
    with pytest.raises(InvalidInput, match="must be new or empty"):
        write_suite(suite_of([conv()]), folder)


def cut(path):
    path.write_bytes(path.read_bytes()[:-3])


def change_last_byte(path):
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(bytes(raw))


def rewrite(**changes):
    def change(path):
        document = json.loads(path.read_text())
        path.write_text(json.dumps({**document, **changes}))

    return change


DAMAGES = [
    ("no manifest", "manifest.json", lambda path: path.unlink(), "it has no manifest.json"),
    ("cut manifest", "manifest.json", cut, "must be JSON; it cannot be read"),
    ("no JSON object", "manifest.json", lambda path: path.write_text("[1]"), "is of None"),
    (
        "later version",
        "manifest.json",
        rewrite(schema="gradcheck/vectors/2"),
        "must be of the version gradcheck/vectors/1; it is of 'gradcheck/vectors/2'",
    ),
    ("no list", "manifest.json", rewrite(cases=3), "must fit its schema; at \\$.cases, 3 is not of type 'array'"),
    ("other checksum", "manifest.json", rewrite(sha256="0" * 64), "must have the checksum that its manifest states"),
    ("changed edition", "manifest.json", rewrite(edition=7), "must have the checksum that its manifest states"),
    ("file gone", "conv.safetensors", lambda path: path.unlink(), "conv.safetensors, which the manifest names, is mis"),
    ("file cut", "conv.safetensors", cut, "must be a safetensors file; it cannot be read"),
    ("file empty", "conv.safetensors", lambda path: path.write_bytes(b""), "must be a safetensors file"),
    ("bit changed", "conv.safetensors", change_last_byte, "must have the checksum that its manifest states"),
    (
        "files exchanged",
        "conv.safetensors",
        lambda path: path.write_bytes((path.parent / "loss.safetensors").read_bytes()),
        "must hold the tensor conv1d/plain/grad_output",
    ),
]


@pytest.mark.parametrize(("name", "damage", "sentence"), [d[1:] for d in DAMAGES], ids=[d[0] for d in DAMAGES])
def test_damaged_suite_is_refused_with_one_sentence_and_its_repair(folder, name, damage, sentence):
    damage(folder / name)
    with pytest.raises(DamagedSuite, match=sentence) as refused:
        load_suite(folder)
    assert str(refused.value).endswith("Write the suite anew: gradcheck vectors write DIR.")


@pytest.mark.parametrize("absent", ["safetensors.numpy", "jsonschema"])
def test_without_the_extra_its_name_is_said(folder, monkeypatch, absent):
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(MissingExtra, match=r'needs pip install "gradcheck\[oracle\]"'):
        load_suite(folder)


def test_schema_is_a_schema_itself():
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(schema_document())


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([127, -128], "int8"), ([128], "int16"), ([1 << 20], "int32"), ([1 << 40], "int64"), ([], "int8")],
)
def test_whole_numbers_are_stored_in_the_smallest_type(values, dtype):
    stored = smallest_integers(np.array(values, float))
    assert stored.dtype == dtype
    assert stored.tolist() == values


def test_fractions_are_not_stored_as_integers():
    with pytest.raises(InvalidInput, match=r"must be whole; among them is np.float64\(0.5\)|among them is 0.5"):
        smallest_integers(np.array([1.0, 0.5]))
