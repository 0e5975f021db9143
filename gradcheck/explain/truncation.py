"""Hypotheses: precision is lost on the way: another dtype is returned, numbers are cut, or rounded before their use."""

from collections.abc import Iterator

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.explain.proof import Case, Proof
from gradcheck.explain.scene import Scene
from gradcheck.explain.whole import ONCE
from gradcheck.subject import Array, is_floating

RAW = b"raw"  # an answer as it was returned
DECIMALS = 6
ROOM = 32.0  # units of rounding, times the root of the number of terms, within which a short computation is right
SHORTER: tuple[tuple[type[np.floating], str], ...] = ((np.float32, "float32-truncation"), (np.float16, "other"))
BELOW, ABOVE = 2.0**-6, 2.0**6  # of a short dtype's unit: changes that it cannot, and that it must, see


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
    near = np.abs(scene.claims @ scene.tangents.T - scene.cotangents @ scene.slopes.T)
    size = np.sqrt(scene.claims**2 @ (scene.tangents**2).T)
    if share == 1.0 or np.all(near <= 32 * share * np.sqrt(max(scene.slack.terms, 1)) * size):
        text = f"the gradient comes in {dtype} where `{scene.name}` is {due}, which holds less"
        also = ("integer-truncation",) if np.issubdtype(exact, np.integer) else ("float32-truncation",)
        yield Proof(
            "wrong-dtype", text, 0.0, "dtype", also=also, repair=f"compute it in {due}", tested="the array returned"
        )


def rounded(case: Case) -> Iterator[Proof]:
    """Propose that the gradient was cut or rounded: to integers, to decimals, to a shorter dtype."""
    scene = case.scene
    g, dtype = scene.claims, scene.inputs[scene.name].dtype
    told = g[g != 0]
    if told.size == 0 or not np.all(np.isfinite(g)):
        return
    tested = f"all {g.size} entries claimed for {len(g)} random grad_outputs"
    if np.all(told == np.rint(told)):
        text = "every entry claimed is a whole number: backward truncates to integers"
        yield Proof(
            "integer-truncation",
            text,
            0.0,
            "integers",
            tested=tested,
            repair="compute the gradient in the input's dtype",
        )
        return
    for decimals in range(1, DECIMALS + 1):
        if np.all(np.abs(told - np.round(told, decimals)) <= 1e-15 * np.maximum(np.abs(told), 1.0)):
            text = f"every entry claimed is rounded to {decimals} decimals"
            yield Proof("small-error", text, 0.0, "decimals", tested=tested)
            return
    for short, code in ((np.float16, "other"), (np.float32, "float32-truncation")):
        if dtype.itemsize > np.dtype(short).itemsize and np.array_equal(g.astype(short).astype(np.float64), g):
            yield from _computed_in(scene, np.dtype(short), code, tested)
            return


def _computed_in(scene: Scene, short: "np.dtype[np.floating]", code: str, tested: str) -> Iterator[Proof]:
    """Yield the proof where the claim is right but for that dtype's rounding."""
    if _right_but_for(scene, short):
        text = f"backward computes in {short}: every entry claimed is a {short} number, and right but for its rounding"
        yield Proof(
            code,
            text,
            0.0,
            str(short),
            tested=tested,
            repair=f"compute the gradient in {scene.inputs[scene.name].dtype}",
        )


def before_use(case: Case) -> Iterator[Proof]:
    """Propose that grad_output or an argument is rounded to a shorter dtype before it is used.

    A change of less than that dtype's unit is then not felt at all, to the last bit, where a larger one is.
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
            tested = f"{what} changed by {BELOW:g} and by {ABOVE:g} units of {dtype}"
            repair = f"compute the gradient in {scene.inputs[scene.name].dtype}"
            yield Proof(code, text, 0.0, f"deaf {dtype}", repair=repair, tested=tested)
            return


def _deaf(scene: Scene, name: str | None, dtype: "np.dtype[np.floating]") -> bool:
    unit = float(np.finfo(dtype).eps)
    rows = []
    for share in (0.0, BELOW, ABOVE):
        value: Array = scene.cotangents[0] if name is None else scene.inputs[name]
        grid = value.astype(dtype).astype(value.dtype)
        moved = grid * (1.0 + share * unit)
        answer = scene.ask(moved) if name is None else scene.ask(scene.cotangents[0], {**scene.inputs, name: moved})
        if answer is None:
            return False
        rows.append(answer)
    return np.array_equal(rows[0], rows[1]) and not np.array_equal(rows[0], rows[2])


def _right_but_for(scene: Scene, dtype: "np.dtype[np.floating]") -> bool:
    """Tell whether the claim is right but for the rounding of a computation in that dtype."""
    share = float(np.finfo(dtype).eps) * np.sqrt(max(scene.slack.terms, 1)) * ROOM
    near = np.abs(scene.claims @ scene.tangents.T - scene.cotangents @ scene.slopes.T)
    size = np.sqrt(scene.claims**2 @ (scene.tangents**2).T)
    return bool(np.all(near <= share * size))
