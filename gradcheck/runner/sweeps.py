"""Sweeps: options that were given several times, and shapes in letters, as a list of configurations."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from gradcheck.errors import InvalidInput

MOST = 100  # configurations that one target is checked at, unless the caller allows more
_LETTERS = re.compile(r"[A-Z0-9, +]*[A-Z][A-Z0-9, +]*")
_RANGE = re.compile(r"\s*(-?\d+)\s*\.\.\s*(-?\d+)\s*")

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Configuration:
    """One combination of a sweep: specifications of inputs, and hyperparameters, by name."""

    inputs: Mapping[str, str]
    args: Mapping[str, str]


@dataclass(frozen=True)
class Sweep:
    """The configurations to be checked, and how many there are in all."""

    configurations: tuple[Configuration, ...]
    total: int

    @property
    def note(self) -> str:
        """Say so where not all of them are checked; empty where they are."""
        chosen = len(self.configurations)
        if chosen == self.total:
            return ""
        return (
            f"{self.total} configurations: {chosen} of them are checked, the first, the last and others drawn from the "
            f"seed; all with --max-configs {self.total}"
        )


def sweep(inputs: Pairs, args: Pairs, dims: Pairs = (), *, most: int = MOST, seed: int = 0) -> Sweep:
    """Combine every value of every name that is given several times, and every size of every letter.

    Beyond `most` combinations, the first and the last are kept and the others drawn from the seed.

    Raises
    ------
    InvalidInput
        A letter of a shape has no sizes, or sizes are given for a letter that no shape has.

    Examples
    --------
    >>> [c.inputs["x"] for c in sweep([("x", "NH")], [], [("N", "1..2"), ("H", "3,5")]).configurations]
    ['1,3', '1,5', '2,3', '2,5']
    """
    sizes = read_dims(dims)
    _check_letters(inputs, sizes)
    axes = [("inputs", *axis) for axis in _grouped(inputs)]
    axes += [("dims", letter, [str(size) for size in values]) for letter, values in sizes.items()]
    axes += [("args", name, [v for value in values for v in values_of(value)]) for name, values in _grouped(args)]
    total = prod(len(values) for _, _, values in axes)
    found = [_configuration(axes, number) for number in _numbers(total, most, seed)]
    distinct = list({repr(one): one for one in found}.values())
    return Sweep(tuple(distinct), total if total > most else len(distinct))


def read_dims(dims: Pairs) -> dict[str, tuple[int, ...]]:
    """Read the sizes of letters: `1..2` a range, `1,3,5` a list, `3` one size.

    Raises
    ------
    InvalidInput
        A name is no capital letter, or a size none of these forms.
    """
    sizes: dict[str, tuple[int, ...]] = {}
    for letter, text in dims:
        if not re.fullmatch("[A-Z]", letter):
            raise InvalidInput(
                f"--dim must be LETTER=SIZES with one capital letter, for instance H=4..7; it names {letter!r}."
            )
        found = tuple(size for part in text.split(",") for size in _sizes(letter, part))
        sizes[letter] = tuple(dict.fromkeys((*sizes.get(letter, ()), *found)))
    return sizes


def letters_in(spec: str) -> tuple[str, ...]:
    """Return the letters of a shape in letters, `NCHW` or `N,3,H,W`; nothing where it is another specification."""
    head = spec.partition(":")[0]
    return tuple(re.findall("[A-Z]", head)) if _LETTERS.fullmatch(head.strip()) else ()


def with_sizes(spec: str, sizes: Mapping[str, int | str]) -> str:
    """Put sizes for the letters of a shape: `NCHW` becomes `2,3,5,6`; other specifications stay as they are.

    Examples
    --------
    >>> with_sizes("N,3,H:uniform:0..1", {"N": 2, "H": 5})
    '2,3,5:uniform:0..1'
    """
    if not letters_in(spec):
        return spec
    head, colon, tail = spec.partition(":")
    if "+" in head:
        return "+".join(with_sizes(part, sizes) for part in head.split("+")) + colon + tail
    parts = re.findall(r"[A-Z]|\d+", head)
    return ",".join(str(sizes.get(part, part)) for part in parts) + colon + tail


def _sizes(letter: str, part: str) -> range | tuple[int, ...]:
    match = _RANGE.fullmatch(part)
    if match and int(match[1]) <= int(match[2]) and int(match[1]) >= 0:
        return range(int(match[1]), int(match[2]) + 1)
    if part.strip().isdecimal():
        return (int(part),)
    raise InvalidInput(
        f"the sizes of --dim {letter} must be a range 4..7, a list 1,3,5 or one size, none below 0; "
        f"{part.strip()!r} is none."
    )


def _check_letters(inputs: Pairs, sizes: Mapping[str, tuple[int, ...]]) -> None:
    used = {letter: (name, spec) for name, spec in inputs for letter in letters_in(spec)}
    for letter, (name, spec) in used.items():
        if letter not in sizes:
            raise InvalidInput(
                f"every letter of a shape must have its sizes; {letter} of {name}={spec} has none. "
                f"Give for instance --dim {letter}=4..7"
            )
    for letter in sizes:
        if letter not in used:
            raise InvalidInput(
                f"--dim must name a letter of an input's shape; none has {letter}. "
                f"Give for instance --input x=N{letter}"
            )


def _grouped(pairs: Pairs) -> list[tuple[str, list[str]]]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return list(values.items())


def values_of(value: str) -> list[str]:
    """Return the values that a range of whole numbers stands for, `1..3`, or the value itself.

    Examples
    --------
    >>> values_of("1..3"), values_of("same")
    (['1', '2', '3'], ['same'])
    """
    match = _RANGE.fullmatch(value)
    if not match:
        return [value]
    return [str(number) for number in range(int(match[1]), int(match[2]) + 1)] or [value]


def _numbers(total: int, most: int, seed: int) -> Iterator[int]:
    if total <= most:
        return iter(range(total))
    between = random.Random(seed).sample(range(1, total - 1), max(most - 2, 0))
    return iter(sorted([0, *between, total - 1])[:most])


def _configuration(axes: Sequence[tuple[str, str, list[str]]], number: int) -> Configuration:
    """Return the combination of this number, in the order in which the last axis changes fastest."""
    chosen: dict[str, dict[str, str]] = {"inputs": {}, "dims": {}, "args": {}}
    for kind, name, values in reversed(axes):
        number, index = divmod(number, len(values))
        chosen[kind][name] = values[index]
    inputs = {name: with_sizes(spec, chosen["dims"]) for name, spec in reversed(chosen["inputs"].items())}
    return Configuration(inputs, dict(reversed(chosen["args"].items())))
