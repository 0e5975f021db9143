"""How an instance's passes are to be called: tried out, spelling by spelling, until both of them run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradcheck.adapters.handing import attributes_like, first_forward, output_attribute, set_as_attributes
from gradcheck.adapters.living import Living, Way, arrays_of, random_state
from gradcheck.adapters.optimizers import hand_in, lacking
from gradcheck.adapters.roles import (
    Known,
    Parameters,
    Role,
    Roles,
    backward_roles,
    by_place,
    flags_set,
    forward_roles,
    is_required,
    parameters_of,
    unnamed,
)
from gradcheck.adapters.spellings import (
    INPUT_GRADIENTS,
    OUTPUT_ATTRIBUTES,
    is_cache,
    is_derivative,
    is_label,
    is_upstream,
)
from gradcheck.adapters.trial import copies, cotangents_of, outputs_of, quietly, run_backward, run_forward
from gradcheck.errors import InvalidLayer, LayerFailed
from gradcheck.subject import Inputs, is_differentiable

_NONE: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Found:
    """A way that works, and what the report should say of it."""

    way: Way
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Given:
    """What a way is found for: the maker of owners, the passes of one, the inputs, and what the caller said."""

    make: Callable[[], Any]
    passes: Callable[[Any, Way], tuple[Callable[..., Any], Callable[..., Any]]]
    inputs: Inputs
    constants: Mapping[str, Any] = field(default_factory=dict)
    passing: Mapping[str, str] = field(default_factory=dict)

    def living(self, way: Way) -> Living:
        """Make an instance that is called this way."""
        owner = self.make()
        living = Living(owner, *self.passes(owner, way), way)
        hand_in(owner, living.recorder, missing=way.equipped)
        return living


def find_way(given: Given, candidates: Sequence[Way]) -> Found:
    """Return the first candidate whose passes both run; one that yields a number is better than a sum of many.

    Raises
    ------
    LayerFailed, InvalidLayer
        None runs; what the first of them met.
    """
    failures: list[LayerFailed | InvalidLayer] = []
    second_best: Found | None = None
    for candidate in candidates:
        try:
            with quietly():
                found = _tried(given, candidate)
        except (LayerFailed, InvalidLayer) as err:
            failures.append(err)
            continue
        if found.way.kind != "sum":
            return found
        second_best = second_best or found
    if second_best is None:
        raise next((one for one in failures if isinstance(one, InvalidLayer)), failures[0])
    return second_best


def _tried(given: Given, candidate: Way) -> Found:
    living = given.living(candidate)
    parameters = parameters_of(living.run_forward)
    roles = None if parameters is None else forward_roles(parameters, tuple(given.inputs), given.constants)
    sets = () if roles is None else set_as_attributes(living.owner, given.inputs, roles, parameters or ())
    way = replace(candidate, given=roles, sets=sets)
    notes = [f"forward finds {', '.join(f'`{name}`' for name in sets)} in attributes"] if sets else []
    if roles is not None and (flags := flags_set(parameters or (), roles, given.constants)):
        notes.append(f"forward is called in training mode: {flags}")
    living = given.living(way)
    returned = first_forward(living, given.inputs)
    if _draws(given, way):
        way = replace(way, seeded=True)
        notes.append("forward draws random numbers: the global random state is the same before each call")
    if returned is None:
        way = replace(way, output=output_attribute(living.owner, given.passing))
        notes.append(f"forward returns nothing: its output is the attribute `{way.output}`")
    asked = parameters_of(living.run_backward)
    if asked is None:
        return Found(way, tuple(notes))
    try:
        best = _backward(given, way, asked, living)
    except LayerFailed:
        if way.equipped or not lacking(living.owner):
            raise
        names = ", ".join(f"`{name}`" for name in lacking(living.owner))
        found = _tried(given, replace(candidate, equipped=True))
        return replace(found, notes=(f"an optimizer is put where the layer has none: {names}", *found.notes))
    return Found(best.way, (*notes, *best.notes))


def _draws(given: Given, way: Way) -> bool:
    """Tell whether forward answers otherwise every time, but not where the global random state is the same.

    Two draws of few values may be alike by chance: that every call draws is enough.
    """
    repeats, draws = _repeats(given, way)
    return (draws or not repeats) and _repeats(given, replace(way, seeded=True))[0]


def _repeats(given: Given, way: Way) -> tuple[bool, bool]:
    """Tell whether a second call of forward answers as the first did, and whether it moved the global random state.

    A first call may draw the parameters, and only them.
    """
    living = given.living(way)
    answers, states = [], []
    for _ in range(2):
        states.append(random_state())
        returned = run_forward(living, copies(given.inputs))
        held = attributes_like(living.owner, OUTPUT_ATTRIBUTES, None) if returned is None else []
        answers.append(np.asarray(getattr(living.owner, held[0]) if held else _first(returned)).copy())
    one, other = answers
    alike = one.dtype == object or np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return alike, random_state() != states[-1]


def _first(returned: Any) -> Any:
    return returned[0] if isinstance(returned, (tuple, list)) and returned else returned


def _backward(given: Given, way: Way, parameters: Parameters, living: Living) -> Found:
    """Try the roles that backward's arguments can have, the likeliest first."""
    failure: LayerFailed | None = None
    for asked in _readings(given, way, parameters, living):
        one = replace(way, asked=asked.way.asked, caches=asked.way.caches)
        one = replace(one, upstream=_upstream_attribute(given, one, living.owner, parameters))
        try:
            returned, output = _run(given, one)
        except LayerFailed as err:
            failure = failure or err
            continue
        one = _without_default(given, one, parameters, output)
        kind, note = _kind(returned, output, one, given.inputs)
        note = f"backward finds the gradient of the output in the attribute `{one.upstream}`" if one.upstream else note
        return Found(replace(one, kind=kind), (*asked.notes, *((note,) if note else ())))
    raise failure or InvalidLayer("backward must be callable.")


def _upstream_attribute(given: Given, way: Way, owner: Any, parameters: Parameters) -> str:
    """Return the attribute in which backward finds its gradient: as told, or the one of such a name that is open."""
    names = [p.name for p in parameters]
    told = [name for name, what in given.passing.items() if what == "grad" and name not in names]
    if told or way.asks("grad"):
        return told[0] if told else ""
    held = [name for name, value in getattr(owner, "__dict__", {}).items() if value is None and is_upstream(name)]
    return held[0] if len(held) == 1 and _is_linear(given, replace(way, upstream=held[0])) else ""


def _without_default(given: Given, way: Way, parameters: Parameters, output: Any) -> Way:
    """Leave out a gradient with a default (`dout=1`) that makes no difference to the backward of a single number."""
    spare = [p.name for p in parameters if not is_required(p) and (way.asked or {}).get(p.name) == Role("grad")]
    if not spare or sum(one.size for one in outputs_of(output)) != 1:
        return way
    once, twice = (arrays_of(_run(given, way, factor)[0]) for factor in (1.0, 2.0))
    same = len(once) == len(twice) and all(map(np.array_equal, once, twice)) and once[0].dtype != object
    return replace(way, asked={n: role for n, role in (way.asked or {}).items() if n not in spare}) if same else way


def _readings(given: Given, way: Way, parameters: Parameters, living: Living) -> Iterator[Found]:
    caches = _caches(living.returned, parameters, given)
    known = Known(
        inputs=tuple(given.inputs),
        outputs=max(1, _count(living.returned) - caches),
        caches=caches,
        attributes=frozenset(name for name in getattr(living.owner, "__dict__", {})),
        constants=given.constants,
        passing=given.passing,
        defaults=_defaults(living),
        derivative=is_derivative(_name(living)) and not any(is_upstream(p.name) for p in parameters),
    )
    kept = len(unnamed(parameters, known))
    if not caches and kept and _count(living.returned) == 1 + kept:  # forward keeps arrays under names of its own
        known = replace(known, caches=kept, outputs=1)
    asked = backward_roles(parameters, known)
    base = replace(way, asked=asked, caches=known.caches)
    placed = by_place(parameters, asked, known)
    notes = tuple(f"backward's `{name}` is read as forward's `{one}`" for name, one in placed.items())
    for other, more in _alternatives(given, base, parameters, known):
        yield Found(replace(base, asked=other), (*(() if more else notes), *more))


def _defaults(living: Living) -> dict[str, Any]:
    """Return what forward's arguments are where they are not given: a backward that needs them means the same."""
    given = living.way.given or {}
    parameters = parameters_of(living.run_forward) or ()
    return {p.name: p.default for p in parameters if not is_required(p) and p.name not in given}


def _alternatives(
    given: Given, way: Way, parameters: Parameters, known: Known
) -> Iterator[tuple[Roles, tuple[str, ...]]]:
    """Yield the roles that names suggest, unless a trial shows the other reading of an argument to be meant."""
    asked = dict(way.asked or {})
    grads = [name for name, role in asked.items() if role.kind == "grad" and name not in known.passing]
    needed = [p.name for p in parameters if is_required(p)]
    alone = needed[0] if len(needed) == 1 and set(asked) == set(needed) else None
    if alone and not grads and alone not in known.passing and not known.derivative and asked[alone].kind == "input":
        upstream = {alone: Role("grad")}
        if _is_linear(given, replace(way, asked=upstream)):
            yield (
                upstream,
                (f"backward's `{alone}` is read as the gradient of the output (--pass {alone}={alone} if not)",),
            )
            return
    doubtful = _doubtful(asked, grads, known, alone)
    if doubtful:
        upstream = {**asked, doubtful: Role("grad")}
        if _is_linear(given, replace(way, asked=upstream)):
            yield upstream, (f"backward's `{doubtful}` is read as the gradient of the output: it is linear in it",)
            return
    predictions = _predictions(given, asked, grads)
    if predictions and not _is_linear(given, way):
        yield from _of_a_loss(given, way, grads[0], predictions)
    swapped = _swapped(asked, grads, known)
    if swapped and not _is_linear(given, way) and _is_linear(given, replace(way, asked=swapped)):
        grad = next(name for name, role in swapped.items() if role.kind == "grad")
        yield swapped, (f"backward's `{grad}` is read as the gradient of the output: it is linear in it",)
        return
    yield asked, ()


def _doubtful(asked: Mapping[str, Role], grads: list[str], known: Known, alone: str | None) -> str | None:
    """Return the one argument that is named like a rate or an output and may be the gradient: `backward(y)`."""
    if grads:
        return None
    named = [n for n, role in asked.items() if role.kind == "output" or (role.kind == "rate" and n == alone)]
    return named[0] if len(named) == 1 and named[0] not in known.passing else None


def _of_a_loss(given: Given, way: Way, name: str, predictions: str) -> Iterator[tuple[Roles, tuple[str, ...]]]:
    """Give a loss its predictions where a layer gets the gradient from above: `backward(dvalues, y_true)`."""
    living = given.living(way)
    run_forward(living, copies(given.inputs))
    shape = np.shape(given.inputs[predictions])
    kept = attributes_like(living.owner, OUTPUT_ATTRIBUTES, shape)
    if kept:
        raise InvalidLayer(
            f"backward's argument `{name}` must be known: of a loss it can be forward's `{predictions}` or the "
            f"attribute `{kept[0]}`. Say --pass {name}={predictions} or --pass {name}={kept[0]}."
        )
    asked = {**(way.asked or {}), name: Role("input", predictions)}
    yield asked, (f"backward's `{name}` is read as forward's `{predictions}`, as of a loss",)


def _predictions(given: Given, asked: Roles, grads: list[str]) -> str | None:
    """Return the input that a loss's backward gets in the place of a gradient, if it may be one."""
    passed = [role.of for role in asked.values() if role.kind == "input"]
    left = [n for n, v in given.inputs.items() if n not in passed and is_differentiable(v) and not is_label(n)]
    return left[0] if len(grads) == 1 and passed and all(map(is_label, passed)) and left else None


def _swapped(asked: Roles, grads: list[str], known: Known) -> Roles | None:
    """Return the roles with the gradient and the one input that no name tells apart exchanged."""
    inputs = [name for name, role in asked.items() if role.kind == "input"]
    if len(grads) != 1 or len(inputs) != 1 or is_upstream(grads[0]) or {inputs[0], grads[0]} & set(known.passing):
        return None
    if inputs[0] in known.inputs:
        return None
    return {name: asked[{grads[0]: inputs[0], inputs[0]: grads[0]}.get(name, name)] for name in asked}


def _run(given: Given, way: Way, factor: float = 1.0) -> tuple[Any, Any]:
    living = given.living(way)
    inputs = copies(given.inputs)
    output = run_forward(living, inputs)
    cotangents = tuple(factor * one for one in cotangents_of(output))
    returned = run_backward(living, cotangents, inputs)
    held = attributes_like(living.owner, INPUT_GRADIENTS, None) if returned is None else []
    return getattr(living.owner, held[0]) if held else returned, output


def _is_linear(given: Given, way: Way) -> bool:
    """Tell whether backward runs, and doubles with the cotangent."""
    try:
        once, twice = _run(given, way)[0], _run(given, way, 2.0)[0]
        pairs = list(zip(arrays_of(once), arrays_of(twice), strict=True))
        return all(a.dtype.kind == "f" and np.allclose(b, 2.0 * a, rtol=1e-6, atol=0.0) for a, b in pairs if a.size)
    except (LayerFailed, ValueError):
        return False


def _kind(returned: Any, output: Any, way: Way, inputs: Inputs) -> tuple[str, str]:
    """Tell what backward returns, and the sentence for it."""
    if way.asks("grad") or way.upstream or way.asked is None:
        return "vjp", ""
    outputs = outputs_of(output)
    if len(outputs) == 1 and outputs[0].size == 1:
        return "number", "backward is called without grad_output, as for a loss; its gradients are multiplied by it"
    shapes = [np.shape(one) for one in arrays_of(returned)]
    alike = any(is_differentiable(value) and value.shape == outputs[0].shape for value in inputs.values())
    if len(outputs) == 1 and len(shapes) == 1 and alike and shapes[0] in (outputs[0].shape, ()):
        return "elementwise", "backward returns the elementwise derivative: it is multiplied by grad_output"
    if len(outputs) == 1 and any(shape == np.shape(value) for shape in shapes for value in inputs.values()):
        count = outputs[0].size
        return (
            "sum",
            f"backward takes no grad_output and forward returns {count} numbers: read as the gradient of their sum",
        )
    takes = ", ".join(way.asked) or "nothing"
    raise InvalidLayer(
        "backward must take grad_output, or return the gradient of a single number, or the elementwise derivative in "
        f"the shape of the output, {', '.join(str(one.shape) for one in outputs)}; it takes {takes} and returned "
        f"{', '.join(map(str, shapes))}. If an argument is grad_output, say so: --pass NAME=grad."
    )


def _caches(returned: Any, parameters: Parameters, given: Given) -> int:
    """Return how many entries at the end of what forward returned are no outputs, but kept for backward."""
    if not isinstance(returned, tuple) or len(returned) < 2:
        return 0
    told = sum(given.passing.get(p.name) == "cache" for p in parameters)
    free = [p for p in parameters if p.name not in given.constants and p.name not in given.inputs]
    named = told or sum(is_cache(p.name) and p.name not in given.passing for p in free)
    if named:
        return min(named, len(returned) - 1)
    plainly = [isinstance(one, (np.ndarray, np.generic, float, int)) for one in returned]
    return next((n for n, array in enumerate(reversed(plainly)) if array), len(returned) - 1)


def _count(returned: Any) -> int:
    several = isinstance(returned, tuple) or (
        isinstance(returned, list) and any(isinstance(v, np.ndarray) for v in returned)
    )
    return len(returned) if several else 1


def _name(living: Living) -> str:
    return living.way.backward or getattr(living.run_backward, "__name__", "")
