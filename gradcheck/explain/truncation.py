"""Hypotheses: precision is lost on the way: another dtype is returned, numbers are cut, or rounded before their use."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.explain.proof import Case, Proof
from gradcheck.explain.scaling import multiples, scaled
from gradcheck.explain.scene import Scene
from gradcheck.explain.tables import norms_of_products
from gradcheck.explain.whole import ENORMOUS, ONCE
from gradcheck.numdiff.records import blocks
from gradcheck.subject import Array, is_floating

RAW = b"raw"  # an answer as it was returned

BEYOND_INTEGERS = 2.0**200  # times its size: for what is so small that 2^50 units are not enough
ASKED = 2  # grad_outputs that are enlarged
ON_GRID = 1e-15  # relative; a number so close to a multiple of the grid's width is one
ALIKE = 1e-6  # of the grid's width: what a rounded number may be off by beyond it
ROOM = 32.0  # units of rounding, times the root of the number of terms, within which a short computation is right
SHORTER: tuple[tuple[type[np.floating], str], ...] = ((np.float32, "float32-truncation"), (np.float16, "other"))
BELOW, ABOVE = 0.49, 0.51  # of the way to a short dtype's next number: changes that it cannot, and that it must, see


class Grid(NamedTuple):
    """The multiples of a number that a gradient may have been rounded to, the widest first."""

    unit: float
    words: str
    code: str


def _grids() -> Iterator[Grid]:
    yield Grid(1.0, "whole numbers", "integer-truncation")
    for n in range(1, 7):
        yield Grid(10.0**-n, f"{n} decimal{'s' * (n > 1)}", "small-error")
    for n in range(1, 13):
        yield Grid(2.0**-n, f"multiples of 1/{2**n}", "small-error")


GRIDS = tuple(sorted(_grids(), reverse=True))


def mistyped(case: Case) -> Iterator[Proof]:
    """Propose that the gradient comes in another dtype, which holds less."""
    scene = case.scene
    if ONCE not in scene.answered:
        scene.budget.pay(backward=1)
        try:
            scene.answered[RAW] = scene.instrument.raw_backward(scene.form.cut(scene.cotangents[0]), scene.inputs)
        except GradcheckError:
            return
    raw = scene.answered.get(ONCE, scene.answered.get(RAW, {})).get(scene.name)
    dtype, due = np.asarray(raw).dtype, scene.inputs[scene.name].dtype
    if raw is None or dtype == due:
        return
    exact = np.dtype(dtype)
    share = float(np.finfo(exact).eps) if np.issubdtype(exact, np.floating) else 1.0
    near = np.abs(scene.apart())
    size = scene.tables.look(norms_of_products, scene.claims, scene.tangents)
    if share == 1.0 or np.all(near <= 32 * share * np.sqrt(max(scene.slack.terms, 1)) * size):
        text = f"the gradient comes in {dtype} where `{scene.name}` is {due}, which holds less"
        also = ("integer-truncation",) if np.issubdtype(exact, np.integer) else ("float32-truncation",)
        yield Proof(
            "wrong-dtype", text, 0.0, "dtype", also=also, repair=f"compute it in {due}", tested="the array returned"
        )


def rounded(case: Case) -> Iterator[Proof]:
    """Propose that the gradient was cut or rounded: to integers, to decimals, to binary places, to a shorter dtype."""
    scene = case.scene
    g, dtype = scene.claims, scene.inputs[scene.name].dtype
    if not np.all(np.isfinite(g)):
        return
    for grid in GRIDS:
        if all(_on(grid, row[at]) for row in g for at in blocks(row.size)):
            yield from _on_grid(case, grid)
            return
    tested = f"all {g.size} entries claimed for {len(g)} random grad_outputs"
    for short, code in ((np.float16, "other"), (np.float32, "float32-truncation")):
        if dtype.itemsize > np.dtype(short).itemsize and all(
            _fits(row[at], short) for row in g for at in blocks(row.size)
        ):
            yield from _computed_in(scene, np.dtype(short), code, tested)
            return


def _on(grid: Grid, g: Array) -> bool:
    """Tell whether numbers lie on a grid."""
    return bool(np.all(np.abs(g - grid.unit * np.rint(g / grid.unit)) <= ON_GRID * np.maximum(np.abs(g), 1.0)))


def _fits(g: Array, short: type[np.floating]) -> bool:
    """Tell whether numbers are those of a shorter dtype."""
    return np.array_equal(g.astype(short).astype(np.float64), g)


def _on_grid(case: Case, grid: Grid) -> Iterator[Proof]:
    """Yield the proof where a far larger grad_output gives the true gradient, which then is rounded to the claim.

    Numbers on a grid may be many things: a mask, signs, a bound. What is rounded is right where rounding is small.
    """
    scene = case.scene
    some = scene.cotangents[:ASKED]
    for larger in (ENORMOUS, BEYOND_INTEGERS):
        answers = [scene.ask(larger * row) for row in some]
        exact = np.stack([np.full(scene.value.size, np.nan) if a is None else a for a in answers]) / larger
        off = scene.claims[:ASKED] - exact
        if not np.all(np.isfinite(off)) or not np.any(off) or np.any(np.abs(off) > grid.unit * (1.0 + ALIKE)):
            continue
        # Half a unit is as far as rounding goes; what goes farther is cut, towards zero or downwards.
        near = scene.claims.any() and np.all(np.abs(off) <= grid.unit * (0.5 + ALIKE))
        text = f"every entry claimed is {'rounded' if near else 'cut'} to {grid.words}"
        tested = (
            f"all {scene.claims.size} entries claimed for {len(scene.claims)} random grad_outputs; for grad_outputs "
            f"{larger:.2g} times as large, where it does not matter, the claim agrees"
        )
        proof = Proof(grid.code, text, 0.0, "grid", repair="return the gradient as it is computed", tested=tested)
        found = list(scaled(case, proof, claims=exact, cotangents=some))
        yield from found
        if found:
            return


def _computed_in(scene: Scene, short: "np.dtype[np.floating]", code: str, tested: str) -> Iterator[Proof]:
    """Yield the proof where the claim is right but for that dtype's rounding."""
    text = f"backward computes in {short}: every entry claimed is a {short} number, and right but for its rounding"
    repair = f"compute the gradient in {scene.inputs[scene.name].dtype}"
    proof = Proof(code, text, 0.0, str(short), tested=tested, repair=repair)
    for one, factor in ((proof, 1.0), *multiples(scene, proof)):
        if _right_but_for(scene, short, factor):
            yield one
            return


def before_use(case: Case) -> Iterator[Proof]:
    """Propose that grad_output or an argument is rounded to a shorter dtype before it is used.

    A change of less than half the way to its next number is then not felt at all, and one of a little more is.
    """
    scene = case.scene
    for short, code in SHORTER:
        dtype: np.dtype[np.floating] = np.dtype(short)
        if scene.inputs[scene.name].dtype.itemsize <= dtype.itemsize or not _right_but_for(scene, dtype):
            continue
        values = {name: v for name, v in scene.inputs.items() if is_floating(v) and v.dtype.itemsize > dtype.itemsize}
        deaf = [f"`{name}`" for name in values if _deaf(scene, name, dtype)]
        if _deaf(scene, None, dtype):
            deaf.append("grad_output")
        if deaf:
            what = f"{', '.join(deaf[:-1])} and {deaf[-1]}" if len(deaf) > 1 else deaf[0]
            text = f"backward takes {what} in {dtype}: changes below that dtype's precision are not felt"
            tested = f"{what} changed by {BELOW:g} and by {ABOVE:g} of the way to the next {dtype}"
            repair = f"compute the gradient in {scene.inputs[scene.name].dtype}"
            yield Proof(code, text, 0.0, f"deaf {dtype}", repair=repair, tested=tested)
            return


def _deaf(scene: Scene, name: str | None, dtype: "np.dtype[np.floating]") -> bool:
    """Tell whether nothing is felt up to half the way to that dtype's next number, and something from there on."""
    value: Array = scene.cotangents[0] if name is None else scene.inputs[name]
    short = value.astype(dtype)
    grid, way = short.astype(value.dtype), np.spacing(short).astype(value.dtype)
    rows = []
    for share in (0.0, BELOW, ABOVE):
        moved = grid + share * way
        answer = scene.ask(moved) if name is None else scene.ask(scene.cotangents[0], {**scene.inputs, name: moved})
        if answer is None:
            return False
        rows.append(answer)
    return np.array_equal(rows[0], rows[1]) and not np.array_equal(rows[0], rows[2])


def _right_but_for(scene: Scene, dtype: "np.dtype[np.floating]", factor: float = 1.0) -> bool:
    """Tell whether the claim is the truth times a factor, but for the rounding of a computation in that dtype."""
    share = float(np.finfo(dtype).eps) * np.sqrt(max(scene.slack.terms, 1)) * ROOM
    near = np.abs(scene.apart(factor))
    size = scene.tables.look(norms_of_products, scene.claims, scene.tangents) / abs(factor)
    return bool(np.all(near <= share * size))
