"""The suite on disk: safetensors files, one an operation, and one JSON manifest."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError, InvalidInput, MissingExtra, did_you_mean
from gradcheck.oracle.case import Array, Case, named_tensors
from gradcheck.oracle.flags import FLAGS
from gradcheck.oracle.identity import checksum

SCHEMA = "gradcheck/vectors/1"
EDITION = 1  # of the content: any changed number, case or flag makes a new one
MANIFEST = "manifest.json"
_REPAIR = "Write the suite anew: gradcheck vectors write DIR."


class DamagedSuite(GradcheckError, ValueError):
    """The files of a suite are missing, damaged, of another version, or not what their checksum says."""


@dataclass(frozen=True)
class Suite:
    """All cases, in the order of their names, with the checksum of their content.

    `provenance` says what made the files (versions, generator); it is not part of the checksum.
    """

    cases: tuple[Case, ...]
    sha256: str
    provenance: Mapping[str, Any]
    edition: int = EDITION

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    def __len__(self) -> int:
        return len(self.cases)

    def case(self, name: str) -> Case:
        """Return the case of this name; raise InvalidInput where there is none."""
        for case in self.cases:
            if case.name == name:
                return case
        known = [case.name for case in self.cases]
        raise InvalidInput(f"there is no case {name!r}{did_you_mean(name, known) or ': see gradcheck vectors list.'}")


def suite_of(cases: Sequence[Case], *, provenance: Mapping[str, Any] | None = None) -> Suite:
    """Return the cases as a suite, sorted, with its checksum."""
    ordered = tuple(sorted(cases, key=lambda case: case.name))
    names = [case.name for case in ordered]
    if len(set(names)) < len(names):
        raise InvalidInput(f"the names of cases must differ; twice there is {_twice(names)}.")
    return Suite(ordered, checksum(_tensors(ordered), _document(ordered)), dict(provenance or {}))


def write_suite(suite: Suite, folder: Path) -> None:
    """Write the suite into a folder that is new or empty; raise InvalidInput for another, MissingExtra("oracle")."""
    numpy_files = _numpy_files()
    writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, cases in groupby(sorted(suite.cases, key=_file), key=_file):
        numpy_files.save_file({key: _packed(tensor) for key, tensor in _tensors(cases)}, folder / name)
    document = {**_document(suite.cases), "sha256": suite.sha256, "provenance": dict(suite.provenance)}
    text = json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="ascii", newline="\n")


def writable(folder: Path) -> None:
    """Raise InvalidInput unless a folder is new or empty, and what it lies in is no file."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInput(f"the folder to write to must be new or empty; {folder} is not. Name another, or empty it.")


def load_suite(folder: Path) -> Suite:
    """Read a suite, and make sure that its content has the checksum that its manifest states.

    Raises
    ------
    DamagedSuite
        A file is missing, cannot be read or does not fit the others; another version; another checksum.
    MissingExtra
        The extra `oracle` is not installed.
    """
    numpy_files = _numpy_files()
    document = _read_manifest(folder)
    rows = document["cases"]
    tensors: dict[str, Array] = {}
    for name in sorted({row["file"] for row in rows}):
        tensors.update(_read_tensors(folder / name, numpy_files))
    suite = Suite(
        tuple(_case(row, tensors) for row in rows), document["sha256"], document["provenance"], document["edition"]
    )
    found = checksum(tensors.items(), document)
    if found != suite.sha256:
        raise DamagedSuite(
            f"the content of {folder} must have the checksum that its manifest states, {suite.sha256[:16]}...; "
            f"it has {found[:16]}.... {_REPAIR}"
        )
    return suite


def load_cases(folder: Path, names: Sequence[str]) -> dict[str, Case]:
    """Return cases of a suite that `load_suite` has found sound, without holding all of it to its checksum again."""
    document = json.loads((folder / MANIFEST).read_bytes())
    rows = {row["name"]: row for row in document["cases"]}
    files = {rows[name]["file"] for name in names}
    tensors = {key: value for file in files for key, value in _read_tensors(folder / file, _numpy_files()).items()}
    return {name: _case(rows[name], tensors) for name in names}


def schema_document() -> dict[str, Any]:
    """Return the JSON Schema of the manifest."""
    text = (resources.files("gradcheck.oracle") / "vectors-1.schema.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def _document(cases: Sequence[Case]) -> dict[str, Any]:
    """Return the manifest, less provenance and checksum."""
    used = {flag for case in cases for flag in case.flags}
    return {
        "schema": SCHEMA,
        "edition": EDITION,
        "flags": {flag: FLAGS[flag] for flag in used},
        "cases": [_row(case) for case in cases],
    }


def _row(case: Case) -> dict[str, Any]:
    return {
        "name": case.name,
        "operation": case.operation,
        "hyperparameters": dict(case.hyperparameters),
        "result": case.result,
        "flags": list(case.flags),
        "dtypes": list(case.dtypes),
        "inputs": list(case.arguments),
        "tensors": sorted(case.tensors),
        "file": _file(case),
    }


def _case(row: Mapping[str, Any], tensors: Mapping[str, Array]) -> Case:
    names = {role: f"{row['name']}/{role}" for role in row["tensors"]}
    missing = [name for name in names.values() if name not in tensors]
    if missing:
        raise DamagedSuite(f"{row['file']} must hold the tensor {missing[0]}, which the manifest names. {_REPAIR}")
    return Case(
        name=row["name"],
        operation=row["operation"],
        hyperparameters=row["hyperparameters"],
        result=row["result"],
        flags=tuple(row["flags"]),
        dtypes=tuple(row["dtypes"]),
        arguments=tuple(row["inputs"]),
        tensors={role: tensors[name] for role, name in names.items()},
    )


def _file(case: Case) -> str:
    return f"{case.operation}.safetensors"


def _tensors(cases: Sequence[Case] | Iterator[Case]) -> list[tuple[str, Array]]:
    return [pair for case in cases for pair in named_tensors(case)]


def _packed(tensor: Array) -> Array:
    """Return the tensor in C order, which safetensors takes for granted; np.ascontiguousarray would lose 0-d shapes."""
    return np.array(tensor, order="C")


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError as err:
        raise DamagedSuite(f"{folder} must hold a suite; it has no {MANIFEST}. {_REPAIR}") from err
    except (OSError, ValueError) as err:
        raise DamagedSuite(f"{path} must be JSON; it cannot be read ({err}). {_REPAIR}") from err
    version = document.get("schema") if isinstance(document, dict) else None
    if version != SCHEMA:
        raise DamagedSuite(f"{path} must be of the version {SCHEMA}; it is of {version!r}. {_REPAIR}")
    _hold_to_schema(document, path)
    return dict(document)


def _hold_to_schema(document: Any, path: Path) -> None:
    try:
        from jsonschema import Draft202012Validator
    except ImportError as err:
        raise MissingExtra("oracle") from err
    fault = next(Draft202012Validator(schema_document()).iter_errors(document), None)
    if fault is not None:
        raise DamagedSuite(f"{path} must fit its schema; at {fault.json_path}, {fault.message[:100]}. {_REPAIR}")


def _read_tensors(path: Path, numpy_files: Any) -> dict[str, Array]:
    from safetensors import SafetensorError

    try:
        tensors: dict[str, Array] = numpy_files.load_file(path)
    except FileNotFoundError as err:
        raise DamagedSuite(f"{path}, which the manifest names, is missing. {_REPAIR}") from err
    except (OSError, SafetensorError) as err:
        raise DamagedSuite(f"{path} must be a safetensors file; it cannot be read ({err}). {_REPAIR}") from err
    return tensors


def _numpy_files() -> Any:
    try:
        import safetensors.numpy
    except ImportError as err:
        raise MissingExtra("oracle") from err
    return safetensors.numpy


def _twice(names: Sequence[str]) -> str:
    return next(name for name, following in pairwise(names) if name == following)
