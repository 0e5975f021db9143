"""From a recipe to an exact case: our layer computes it, and every sum is shown to be exact in any order."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.errors import InvalidInput
from gradcheck.oracle import flat, flat_mistakes, pool_mistakes, pools, sliding, sliding_mistakes, slope_mistakes
from gradcheck.oracle.case import Array, Case, smallest_integers
from gradcheck.oracle.drawing import signed
from gradcheck.oracle.mistakes import flags_of
from gradcheck.oracle.operations import layer_for
from gradcheck.oracle.places import windows_of
from gradcheck.oracle.recipe import Cotangent, Recipe
from gradcheck.oracle.terms import largest_sum
from gradcheck.oracle.ties import split_evenly, winners_of

# Integers up to here, and so all sums whose terms add up to no more in magnitude, are exact in each dtype.
EXACT_UP_TO = {"float16": 2**11, "float32": 2**24, "float64": 2**24}

MISTAKES = (
    *sliding_mistakes.MISTAKES,
    *pool_mistakes.MISTAKES,
    *flat_mistakes.MISTAKES,
    *slope_mistakes.MISTAKES,
)


def recipes() -> Iterator[Recipe]:
    """Yield all recipes of exact cases."""
    for group in (sliding, pools, flat):
        yield from group.recipes()


def case_of(recipe: Recipe) -> Case:
    """Compute a case.

    Raises
    ------
    InvalidInput
        A sum of magnitudes above 2^24, a number that is not whole, or a mistake that the recipe was chosen to expose
        and that does not change its numbers.
    """
    layer, inputs = layer_for(recipe.operation, recipe.hyperparameters), [*recipe.inputs.values()]
    output = layer.forward(*inputs)
    error = _cotangent(recipe.cotangent, output.shape, f"{recipe.name}/grad_output")
    gradients = layer.backward(error, *inputs)
    named = dict(zip(recipe.inputs, gradients if isinstance(gradients, tuple) else (gradients,), strict=True))
    tensors = {
        **{f"inputs/{name}": value for name, value in recipe.inputs.items()},
        "grad_output": error,
        "output": output,
        **{f"gradients/{name}": value for name, value in named.items()},
        **_alternatives(recipe, layer, error),
    }
    largest = largest_sum(recipe.operation, layer, inputs, error)
    dtypes = tuple(dtype for dtype, limit in EXACT_UP_TO.items() if largest <= limit)
    if not dtypes:
        raise InvalidInput(f"the terms of every sum must add up to at most 2^24; in {recipe.name} it is {largest}.")
    plain = Case(
        name=recipe.name,
        operation=recipe.operation,
        hyperparameters=recipe.hyperparameters,
        result=_result_class(tensors),
        flags=(),
        dtypes=dtypes,
        arguments=tuple(recipe.inputs),
        tensors={role: smallest_integers(value) for role, value in tensors.items()},
    )
    return _flagged(plain, recipe.exposes)


def _flagged(case: Case, wanted: tuple[str, ...]) -> Case:

    flags = flags_of(case, MISTAKES)
    missing = set(wanted) - set(flags)
    if missing:
        raise InvalidInput(f"{case.name} must expose {', '.join(sorted(missing))}; that mistake does not change it.")
    return replace(case, flags=flags)


def _cotangent(choice: Cotangent, shape: tuple[int, ...], seed: str) -> Array:
    error: Array = choice.multiple * signed(seed, shape, choice.largest)
    if choice.only is None:
        return error
    alone: Array = np.zeros(shape)
    alone.reshape(-1)[choice.only] = error.reshape(-1)[choice.only]
    return alone


def _alternatives(recipe: Recipe, layer: Any, error: Array) -> dict[str, Array]:
    """Return the winners and the even split of maxima, and the bounds of gradients at kinks."""
    x = recipe.inputs["input"]
    if "max_pool" in recipe.operation:
        winners = winners_of(x.reshape(*x.shape[:2], -1), windows_of(layer, x.shape))
        found = {"winners": winners.reshape(*error.shape, winners.shape[-1])}
        if winners.shape[-1] > 1:
            split = split_evenly(winners, error.reshape(*error.shape[:2], -1), x[0, 0].size)
            found["split/input"] = split.reshape(x.shape)
        return found
    if recipe.operation == "lp_pool":
        ends = [_lp_end(layer, x, error, side) for side in (-1, 1)]
    elif recipe.operation in flat_mistakes.STRAIGHT:
        ends = [layer.backward(error, x + side / 2) for side in (-1, 1)]  # kinks lie at whole numbers
    else:
        return {}
    lowest, highest = np.minimum(*ends), np.maximum(*ends)
    return {} if np.array_equal(lowest, highest) else {"lowest/input": lowest, "highest/input": highest}


def _lp_end(layer: Any, x: Array, error: Array, side: int) -> Array:
    """Return the gradient of sums of magnitudes with all zeros taken for `side`, each window to its own advantage."""
    zero = x == 0
    alone = side * layer.backward(np.abs(error), np.where(zero, 1, x))
    return np.asarray(np.where(zero, alone, layer.backward(error, x)))


def _result_class(tensors: dict[str, Array]) -> Any:
    return "several" if {"split/input", "lowest/input"} & tensors.keys() else "exact"
