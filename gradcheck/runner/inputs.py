"""Input specifications: shapes (`2,3,8,8`, `2,3+2,4` of a list, `4:int:0..9` of labels), files and values.

`@file.npy` is what a file holds, `[[1,2],[3,4]]` a value.
"""

import ast
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradcheck.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np

    from gradcheck.subject import Array

_FORMS = (
    "a shape (2,3,8,8; () for 0-d; 4:int:0..9 for labels; 4:uniform:0..1), a value ([[1,2],[3,4]]) or a file (@x.npy)"
)
_NAME = re.compile(r"[^\W\d]\w*|\w+(\.\w+)+")  # layers made of layers call their inputs 0.weight
_LIST = re.compile(r"[\w, ]+(:[^+]*)?\+")  # a shape, and another one after a plus
DTYPES = ("float16", "float32", "float64")


@dataclass(frozen=True)
class Drawn:
    """An array to be drawn: signed normals, or `int`, `whole` or `uniform` values from `low` to `high` (both included).

    `int` are integer constants; `whole` are floating whole numbers but zero, no two alike while there are enough of
    them; `distinct` are odd halves, no two alike.
    """

    shape: tuple[int, ...]
    values: str = "normal"
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class Literal:
    """A value written out; numbers are floating, unless `:int` marks them as constants."""

    value: Any
    integer: bool = False


@dataclass(frozen=True)
class Stored:
    """An array in a file of NumPy's own format."""

    path: str


Spec = Drawn | Literal | Stored


def parse_input(text: str) -> tuple[str, Spec]:
    """Read `NAME=SPEC`.

    Raises
    ------
    InvalidInput
        It has no name, or the specification is none of the forms.

    Examples
    --------
    >>> parse_input("x=2,3")
    ('x', Drawn(shape=(2, 3), values='normal', low=0.0, high=1.0))
    >>> parse_input("labels=4:int:0..9")[1].values
    'int'
    """
    name, equals, spec = text.partition("=")
    if not equals or not _NAME.fullmatch(name.strip()):
        raise InvalidInput(f"an input must be NAME=SPEC, for instance x=2,3,8,8; it is {text!r}.")
    return name.strip(), parse_spec(name.strip(), spec.strip())


def spread(specs: Mapping[str, str]) -> dict[str, str]:
    """Give each array of a list an input of its own; how values are drawn is said once, at the end, or for each.

    Examples
    --------
    >>> spread({"xs": "2,3+2,4:uniform:0..1"})
    {'xs.0': '2,3:uniform:0..1', 'xs.1': '2,4:uniform:0..1'}
    """
    found: dict[str, str] = {}
    for name, spec in specs.items():
        parts = [part.strip() for part in spec.split("+")] if _LIST.match(spec) else [spec]
        tail = parts[-1].partition(":")[2]
        whole = [part if ":" in part or not tail else f"{part}:{tail}" for part in parts]
        found |= {f"{name}.{i}": part for i, part in enumerate(whole)} if len(parts) > 1 else {name: spec}
    return found


def parse_spec(name: str, spec: str) -> Spec:
    """Read what is given for one input; see the module."""
    if spec.startswith("@"):
        return Stored(_checked_path(name, spec[1:]))
    head, _, tail = spec.partition(":")
    value = _literal(name, head.strip())
    if isinstance(value, tuple) and all(isinstance(size, int) and not isinstance(size, bool) for size in value):
        return _drawn(name, value, tail)
    if tail not in ("", "int"):
        raise InvalidInput(f"`{name}` must be {_FORMS}; after a value only :int can come, not {tail!r}.")
    return Literal(value, integer=tail == "int")


def make(specs: Mapping[str, Spec], *, seed: int, dtype: str = "") -> dict[str, Any]:
    """Draw, read or convert every input; each has random numbers of its own, so that their order does not matter.

    Raises
    ------
    InvalidInput
        A file cannot be read, or a value is no array of numbers.
    """
    return {name: _array(name, spec, seed, dtype) for name, spec in specs.items()}


def _literal(name: str, text: str) -> Any:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError) as err:
        raise InvalidInput(f"`{name}` must be {_FORMS}; it is {text!r}.") from err
    return (value,) if isinstance(value, int) and not isinstance(value, bool) else value


def _drawn(name: str, shape: tuple[int, ...], tail: str) -> Drawn:
    if any(size < 0 for size in shape):
        raise InvalidInput(f"the shape of `{name}` must hold sizes of at least 0; it is {shape}.")
    kind, _, limits = tail.partition(":")
    if kind in ("", "normal", "distinct") and not limits:
        return Drawn(shape, kind or "normal")
    low, dots, high = limits.partition("..")
    try:
        bounds = (float(low), float(high)) if kind == "uniform" else (int(low), int(high))
    except ValueError:
        dots = ""
    if kind not in ("int", "whole", "uniform") or not dots or bounds[0] > bounds[1]:
        raise InvalidInput(
            f"the values of `{name}` must be normal, distinct, int:LOW..HIGH, whole:LOW..HIGH or uniform:LOW..HIGH, "
            f"for instance 4:int:0..9; they are {tail!r}."
        )
    return Drawn(shape, kind, *bounds)


def _checked_path(name: str, path: str) -> str:
    if not path.endswith(".npy"):
        advice = " Save the one array you need with np.save." if path.endswith(".npz") else ""
        raise InvalidInput(f"`{name}` must come from a .npy file, which holds one array; it names {path!r}.{advice}")
    if not Path(path).is_file():
        raise InvalidInput(f"`{name}` must come from a file that exists; there is no {path!r} in {Path.cwd()}.")
    return path


def _array(name: str, spec: Spec, seed: int, dtype: str) -> Any:
    import numpy as np

    if isinstance(spec, Stored):
        return _read(name, spec.path, dtype)
    if isinstance(spec, Literal):
        return _converted(name, spec, dtype)
    drawn = _draw(spec, np.random.default_rng([seed, zlib.crc32(name.encode())]))
    return drawn if spec.values == "int" else drawn.astype(dtype or "float64")


def _draw(spec: Drawn, generator: "np.random.Generator") -> "Array":
    import numpy as np

    count = int(np.prod(spec.shape))
    match spec.values:
        case "int":
            return generator.integers(int(spec.low), int(spec.high), size=spec.shape, endpoint=True)
        case "whole":
            known = [value for value in range(int(spec.low), int(spec.high) + 1) if value] or [0]
            return generator.choice(known, size=count, replace=count > len(known)).reshape(spec.shape)
        case "distinct":
            return (generator.permutation(count) - count // 2 + 0.5).reshape(spec.shape)
        case "uniform":
            return np.asarray(generator.uniform(spec.low, spec.high, size=spec.shape))
    return np.asarray(generator.standard_normal(spec.shape))


def _read(name: str, path: str, dtype: str) -> "Array":
    import numpy as np

    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as err:
        raise InvalidInput(
            f"`{name}` must come from a .npy file of numbers (objects are pickled, and never read); {path!r}: {err}"
        ) from err
    return _cast(array, dtype)


def _converted(name: str, spec: Literal, dtype: str) -> Any:
    import numpy as np

    try:
        array = np.array(spec.value)
    except ValueError as err:
        raise InvalidInput(f"`{name}` must be a value with rows of equal length; {err}") from err
    if array.dtype.kind not in "bif":
        raise InvalidInput(f"`{name}` must be a value made of numbers; it is {spec.value!r}.")
    if array.dtype.kind == "b" or spec.integer:
        return array.astype(np.int64) if spec.integer else array
    return array.astype(dtype or "float64")


def _cast(array: "Array", dtype: str) -> "Array":
    return array.astype(dtype) if dtype and array.dtype.kind == "f" else array
