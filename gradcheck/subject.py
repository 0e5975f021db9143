"""What is under test, as the judge sees it: named inputs, and a way to make a living instance with two passes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.errors import InvalidInput, did_you_mean
from gradcheck.verdict import Finding

Array = NDArray[Any]
Inputs = Mapping[str, Any]
Cotangents = tuple[Array, ...]


@dataclass(frozen=True)
class Passes:
    """One living instance of a layer.

    `forward(inputs)` returns what the layer returned: an array, a scalar, or a tuple or list of arrays.
    `backward(cotangents, inputs)` gets one cotangent an output and returns the claimed gradients by name, unconverted;
    a name that is absent or None means that no gradient is claimed for it.
    """

    forward: Callable[[Inputs], Any]
    backward: Callable[[Cotangents, Inputs], Mapping[str, Any]]


@dataclass(frozen=True)
class Variant:
    """Another way of calling the same layer, of which the same answers are expected.

    Parameters
    ----------
    name : str
        When that is, as a clause: "when only `x` requires a gradient".
    fresh : callable returning Passes
        Makes an instance that is called that way.
    claims : tuple of str
        The inputs whose gradients must be those of the plain call; without any, forward's outputs are compared alone.
    """

    name: str
    fresh: Callable[[], Passes]
    claims: tuple[str, ...] = ()


@dataclass(frozen=True)
class Script:
    """How a person calls the layer by hand: expressions for the snippet that shows a fault.

    `places` says where an input is put before forward is called (`{"W": "layer.W"}`), `gradients` where each gradient
    is found after backward, `returned` being what it returned (`{"x": "returned", "W": "layer.dW"}`).
    """

    forward: str
    backward: str
    places: Mapping[str, str]
    gradients: Mapping[str, str]


@dataclass(frozen=True)
class Subject:
    """A forward and a backward pass with named inputs: the one shape that every calling convention is brought into.

    Parameters
    ----------
    name : str
        How the report calls it.
    inputs : mapping of str to array or constant
        The caller's point. Floating arrays can be differentiated; everything else is handed on as it is.
    fresh : callable returning Passes
        Makes an instance that shares no state with any other.
    wrt : tuple of str
        The floating inputs whose gradients are under test.
    convention : str
        How the layer was read, for the report ("contract", "pair of functions", "cached pair", ...).
    stateful : bool
        True where backward refers to the last call of forward, so that a forward must come right before it.
    isolated : bool
        False where no fresh instance could be made and state may leak from call to call.
    notes : tuple of str
        What the adapter did on the way, a sentence each, for the report.
    variants : tuple of Variant
        Other ways of calling the layer that must make no difference.
    findings : tuple of Finding
        What the adapter saw of the layer's manners while it read it.
    script : Script, optional
        How to call the layer by hand, where that is neither `forward(*inputs)` nor `backward(grad_output, *inputs)`.
    """

    name: str
    inputs: Inputs
    fresh: Callable[[], Passes]
    wrt: tuple[str, ...]
    convention: str = "contract"
    stateful: bool = False
    isolated: bool = True
    notes: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()
    findings: tuple[Finding, ...] = ()
    script: Script | None = None

    def at(self, inputs: Inputs) -> "Subject":
        """Return the same subject at another point."""
        return replace(self, inputs=dict(inputs))


def is_floating(value: Any) -> bool:
    """Tell whether `value` is an array of real floating numbers, which can be differentiated."""
    return isinstance(value, np.ndarray) and bool(np.issubdtype(value.dtype, np.floating))


def is_differentiable(value: Any) -> bool:
    """Tell whether `value` is a finite floating array; one with infinities (a mask of -inf, say) is a constant."""
    return is_floating(value) and bool(np.all(np.isfinite(value)))


def named_inputs(inputs: Any, names: tuple[str, ...] = (), *, floating: bool = True) -> dict[str, Any]:
    """Return private copies of the caller's inputs by name; lists become arrays.

    Python floats are constants (a slope, an epsilon) beside an array, and 0-d arrays where there is none.

    A mapping keeps its names; a sequence takes `names` (the parameters of forward) as far as they reach, then
    `input0`, `input1`, ...; a single array is a sequence of one. With `floating` one of them must be a floating array.

    Raises
    ------
    InvalidInput
        An object array, a masked array or a complex array, or no floating array at all.
    """
    if isinstance(inputs, Mapping):
        pairs = list(inputs.items())
    else:
        values = list(inputs) if isinstance(inputs, (tuple, list)) else [inputs]
        spare = [f"input{i}" for i in range(len(values))]
        pairs = list(zip([*names[: len(values)], *spare[len(names) :]], values, strict=True))
    found = {str(name): _checked(str(name), value) for name, value in pairs}
    if not any(is_floating(value) for value in found.values()):
        found = {name: np.asarray(v) if isinstance(v, (float, np.floating)) else v for name, v in found.items()}
    if not any(is_differentiable(value) for value in found.values()):
        _no_finite(found)
    if floating and not any(is_differentiable(value) for value in found.values()):
        kinds = ", ".join(f"`{n}` is {_kind(v)}" for n, v in found.items()) or "none were given"
        raise InvalidInput(
            f"`inputs` must hold at least one floating array to differentiate; {kinds}. Pass e.g. np.asarray(x, float)."
        )
    return found


def further_points(points: Sequence[Any], inputs: Inputs) -> list[dict[str, Any]]:
    """Return the caller's further points with every name, in the order of `inputs`; what is left out keeps its value.

    Raises
    ------
    InvalidInput
        `points` is one point instead of a sequence of them, or a point names what is no input.
    """
    if isinstance(points, (Mapping, str, np.ndarray)) or not isinstance(points, Iterable):
        raise InvalidInput("`points` must be a sequence of inputs, one a point; put a single one in a list.")
    return [_point(point, number, inputs) for number, point in enumerate(points, 1)]


def _point(point: Any, number: int, inputs: Inputs) -> dict[str, Any]:
    try:
        named = point if isinstance(point, Mapping) else named_inputs(point, tuple(inputs))
        found = named_inputs({name: named.get(name, value) for name, value in inputs.items()})
    except InvalidInput as err:
        raise InvalidInput(f"point {number} of `points`: {err}") from err
    for name in named:
        if name not in inputs:
            near = did_you_mean(name, inputs) or "."
            raise InvalidInput(
                f"`points` must name the inputs ({', '.join(inputs)}); point {number} names `{name}`{near}"
            )
    for name, value in found.items():
        if is_differentiable(inputs[name]) and not is_differentiable(value):
            held = "with entries that are not finite" if is_floating(value) else _kind(value)
            raise InvalidInput(
                f"point {number} of `points`: `{name}` must be a finite floating array, as it is among the inputs; "
                f"it is {held}."
            )
    return found


def _checked(name: str, value: Any) -> Any:
    if isinstance(value, np.ma.MaskedArray):
        raise InvalidInput(f"`{name}` must be a plain array; it is a masked array. Pass value.filled(...) instead.")
    if isinstance(value, list):
        try:
            value = np.asarray(value)
        except ValueError as err:
            raise InvalidInput(f"`{name}` must be one array; its rows differ in length.") from err
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype == object:
        raise InvalidInput(f"`{name}` must be an array of numbers; its dtype is object. Pass one array of one dtype.")
    if np.issubdtype(value.dtype, np.complexfloating):
        raise InvalidInput(
            f"`{name}` must be real; its dtype is {value.dtype}. Complex layers are out of scope for now."
        )
    return np.array(value, order="K", copy=True, subok=False)


def _no_finite(found: Inputs) -> None:
    for name, value in found.items():
        if is_floating(value):
            bad = int(np.count_nonzero(~np.isfinite(value)))
            raise InvalidInput(f"`{name}` must be finite to be differentiated; it holds {bad} non-finite entries.")


def _kind(value: Any) -> str:
    return f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
