"""Hypotheses for elementwise functions, told by a diagonal Jacobian: one slope an entry, measured and claimed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.checks.places import widened
from gradcheck.explain.cells import FAR, cells_of
from gradcheck.explain.elsewhere import slopes_at
from gradcheck.explain.matrix import Truth, entry_bars
from gradcheck.explain.proof import Case, Proof
from gradcheck.explain.scene import Scene
from gradcheck.numdiff.records import norm
from gradcheck.subject import Array

ALIKE = 1e-6  # slopes this close are the same, relative to the largest
FEW_SLOPES = 3  # a function of straight pieces has at most so many different slopes
SMALL = 0.05  # typical relative error up to which a formula is called another approximation
FEWEST_SUMMED = 4  # entries of a loss before it is taken for a sum over them
FEWEST_IN_PART = 3  # wrong slopes, where most are right, before they are told as a part
PERTURBED = 0.37  # how far the point is moved to see whether the claim feels it


@dataclass(frozen=True)
class Slopes:
    """Entry by entry: the point, the slope measured and claimed, and where they differ."""

    x: Array
    y: Array
    true: Array
    claimed: Array
    wrong: Array

    @property
    def scale(self) -> float:
        """The size of the largest slope."""
        return max(float(np.abs(self.true).max()), float(np.abs(self.claimed).max()), 1e-300)

    def near(self, one: Array, other: Array | float) -> Array:
        """Tell where two slopes are the same."""
        found: Array = np.abs(one - other) <= ALIKE * self.scale
        return found


def slopes_of(case: Case) -> Slopes | None:
    """Return the slopes of an elementwise layer, or of a loss that adds up one function of each entry; else None."""
    cells, scene = cells_of(case), case.scene
    if scene.form.size == 1 and case.truth is not None:
        return _of_a_sum(scene, case.truth)
    if cells is None or cells.true.shape[0] != cells.true.shape[1] or scene.form.size < 2:
        return None
    off = ~np.eye(len(cells.true), dtype=bool)
    if np.any(cells.responds & off) or np.any(cells.claims & off):
        return None
    judged = scene.mask
    x, y = scene.value.ravel()[judged], scene.place.base[judged]
    true, claimed = np.diag(cells.true)[judged], np.diag(cells.claimed)[judged]
    return Slopes(x, y, true, claimed, np.diag(cells.wrong)[judged])


def _of_a_sum(scene: Scene, truth: Truth) -> Slopes | None:
    """Return the slopes of a loss whose derivative by each entry does not feel the others, as a sum's does not."""
    c, size = float(scene.cotangents[0, 0]), scene.value.size
    if size < FEWEST_SUMMED or c == 0.0:
        return None
    half = scene.rng.permutation(size) < size // 2
    value = scene.value.ravel()
    moved = np.where(half, 1.25 * value + 0.25 * np.abs(value).max(), value).reshape(scene.shape)
    still = scene.tangents[:1] * ~half
    there = slopes_at(scene, {**scene.place.wide, scene.name: moved}, still)
    due = still @ truth.jacobian.T
    typical = float(np.sqrt(np.sum((still * truth.jacobian) ** 2)))
    if there is None or np.any(np.abs(there.slopes - due) > THRESHOLD * there.bars + ALIKE * typical):
        return None
    bars = entry_bars(scene, truth, scene.claims[:1], scene.cotangents[:1])[0]
    wrong = np.abs(scene.claims[0] - c * truth.jacobian[0]) > THRESHOLD * bars
    y = np.full(size, np.nan)
    return Slopes(value, y, truth.jacobian[0], scene.claims[0] / c, wrong)


def where(s: Slopes) -> str:
    """Say for which inputs the slopes are wrong, where a threshold tells them from the others; else nothing."""
    x, wrong = s.x, s.wrong
    if wrong.all() or wrong.sum() < 2:
        return ""
    for words, of in (("x", x), ("|x|", np.abs(x))):
        if of[wrong].min() > of[~wrong].max():
            return f" where {words} is above {0.5 * (of[wrong].min() + of[~wrong].max()):.3g}"
        if of[wrong].max() < of[~wrong].min():
            return f" where {words} is below {0.5 * (of[wrong].max() + of[~wrong].min()):.3g}"
    inside = (x > x[wrong].min()) & (x < x[wrong].max())
    if wrong[inside].all():
        return f" where x is between {x[wrong].min():.3g} and {x[wrong].max():.3g}"
    return ""


def elementwise(case: Case) -> Iterator[Proof]:
    """Propose what can be wrong with a slope: left out, of another branch or side, incomplete, another formula."""
    s = slopes_of(case)
    if s is None:
        return
    tested = f"the slopes of all {s.x.size} entries, measured and claimed"
    if np.abs(s.claimed - s.true).max() <= FAR * ALIKE * s.scale:
        small = _fallback(s)
        if small is not None:
            yield replace(small, key="slopes", tested=tested)
        return
    for rule in (_product_rule, _branches, _missing, _sided, partial(_regardless, case.scene), _fallback):
        proof = rule(s)
        if proof is not None:
            yield Proof(proof.code, proof.sentence, 0.0, "slopes", repair=proof.repair, also=proof.also, tested=tested)
            return


def _product_rule(s: Slopes) -> Proof | None:
    if not np.all(np.isfinite(s.y)):
        return None
    with np.errstate(all="ignore"):
        quotient = np.where(s.x == 0, s.claimed, s.y / s.x)
    if np.all(s.near(s.claimed, quotient)) and np.ptp(quotient) > ALIKE * s.scale:
        text = "the claim is f(x) / x: of the product rule for f(x) = x h(x) the second term, x h'(x), is left out"
        return Proof("path-missing", text, 0.0, "", repair="h(x) + x * h'(x)", also=("f-prime-wrong",))
    return None


def _distinct(slopes: Array, s: Slopes) -> list[float]:
    """Return the different slopes there are; alike ones are one."""
    ordered = np.sort(slopes)
    first = np.concatenate([[True], np.diff(ordered) > ALIKE * s.scale])
    return [float(value) for value in ordered[first]]


def _branches(s: Slopes) -> Proof | None:
    """A function of straight pieces, whose slopes are given to the wrong pieces."""
    true, claimed = _distinct(s.true, s), _distinct(s.claimed, s)
    if len(true) > FEW_SLOPES or len(claimed) > FEW_SLOPES + 1:
        return None
    allowed = {*true, 0.0}
    if not all(any(abs(c - a) <= ALIKE * s.scale for a in allowed) for c in claimed):
        return None
    shown = (
        f"the slope claimed is right for other entries ({', '.join(f'{c:.3g}' for c in claimed)}), "
        f"and wrong{where(s) or ' here'}"
    )
    swapped = len(true) == 2 and s.wrong.all() and len(claimed) == 2
    if swapped and 0.0 not in true:
        return Proof(
            "slope-wrong-side",
            f"the slopes {true[0]:.3g} and {true[1]:.3g} are each used on the other's side",
            0.0,
            "",
            also=("wrong-branch",),
        )
    if swapped:
        return Proof(
            "wrong-branch",
            "the mask is that of the other branch: entries that are on are taken for off, and the reverse",
            0.0,
            "",
            repair="use the same condition in both passes",
        )
    also = ("part-zeroed",) if np.all(s.claimed[s.wrong] == 0) else ("f-prime-missing",) if len(claimed) == 1 else ()
    if _of_the_other_side(s):
        also = (*also, "slope-wrong-side")
    return Proof(
        "wrong-branch",
        f"the mask of the branches is another one than in forward: {shown}",
        0.0,
        "",
        repair="use the same condition in both passes",
        also=also,
    )


def _of_the_other_side(s: Slopes) -> bool:
    """Tell whether every wrong slope is one that entries of the other sign have, and none of its own sign has."""
    for side in (s.x > 0, s.x <= 0):
        claimed = s.claimed[s.wrong & side]
        if claimed.size == 0:
            continue
        own, other = s.true[side], s.true[~side]
        near = [np.abs(slopes - claimed[:, None]).min(axis=1, initial=np.inf) for slopes in (own, other)]
        if np.any(claimed == 0) or np.any(near[0] <= ALIKE * s.scale) or np.any(near[1] > ALIKE * s.scale):
            return False
    return True


def _missing(s: Slopes) -> Proof | None:
    """Zero where it should not be, within a range of the input."""
    if np.all(s.claimed[s.wrong] == 0) and not np.all(s.claimed == 0) and where(s):
        return Proof(
            "part-zeroed",
            f"the slope claimed is 0{where(s)}, where forward still responds",
            0.0,
            "",
            also=("wrong-branch",),
        )
    return None


def _sided(s: Slopes) -> Proof | None:
    """Right in one range of the input and wrong in the other."""
    place = where(s)
    if not place:
        return None
    wrong, true = s.claimed[s.wrong], s.true[s.wrong]
    if np.all(s.near(wrong, -true)):
        return Proof(
            "sign", f"the slope has the wrong sign{place}, and is right elsewhere", 0.0, "", also=("wrong-branch",)
        )
    if np.all(s.near(wrong, 1.0)):
        return Proof(
            "f-prime-missing",
            f"the derivative is taken as 1{place}, and is right elsewhere",
            0.0,
            "",
            also=("wrong-branch", "f-prime-wrong"),
        )
    with np.errstate(all="ignore"):
        share = wrong / true
    constant = bool(np.all(np.isfinite(share)) and np.ptp(share) <= ALIKE * np.abs(share).max())
    told = f": it is {share.mean():.6g} times the true one there" if constant else ""
    text = f"the derivative's formula is wrong{place}, and right elsewhere{told}"
    return Proof("f-prime-wrong", text, 0.0, "", also=("wrong-branch", "factor") if constant else ("wrong-branch",))


def _regardless(scene: Scene, s: Slopes) -> Proof | None:
    """The claim does not depend on the input at all, though the slope does."""
    if (not s.wrong.all() and np.mean(s.wrong) < 0.5) or scene.budget.forward < scene.gauge.calls:
        return None
    value = scene.inputs[scene.name]
    moved = (value + PERTURBED * np.sign(value + 0.5)).astype(value.dtype)
    answer = scene.ask(scene.cotangents[0], {**scene.inputs, scene.name: moved})
    still = slopes_at(scene, widened({**scene.inputs, scene.name: moved}), scene.tangents[:1])
    if still is None or np.all(np.abs(still.slopes - scene.slopes[:1])[0] <= ALIKE * s.scale):
        return None
    if answer is None or np.abs(answer - scene.claims[0]).max() > 1e-12 * np.abs(answer).max():
        return None
    text = (
        f"the claim does not depend on `{scene.name}` at all, though the function's slope does: its "
        "derivative is left out"
    )
    return Proof("f-prime-missing", text, 0.0, "", repair="grad_output * derivative")


def _fallback(s: Slopes) -> Proof | None:
    """Nothing but the formula of the derivative is left: backward is elementwise, and most slopes are wrong."""
    stands_out = np.all(np.abs(s.claimed[s.wrong]) > FAR * ALIKE * s.scale) and s.wrong.sum() >= FEWEST_IN_PART
    if stands_out and np.all(s.near(s.claimed[s.wrong], -s.true[s.wrong])):
        text = f"the slope has the wrong sign at {int(s.wrong.sum())} of {s.x.size} entries, and is right at the others"
        return Proof("sign", text, 0.0, "", also=("part-off", "wrong-branch", "path-missing"))
    at = int(np.argmax(np.abs(s.claimed - s.true)))
    typical = norm(s.claimed - s.true) / max(norm(s.true), 1e-300)
    shown = f"at x = {s.x[at]:.4g} it gives {s.claimed[at]:.4g}, and the slope is {s.true[at]:.4g}"
    if np.mean(s.wrong) < 0.5:
        return _in_part(s, shown)
    if typical <= SMALL:
        return Proof(
            "small-error",
            f"every slope is off by little, {typical:.2g} on the whole, as another approximation's would be: {shown}",
            0.0,
            "",
            also=("f-prime-wrong",),
        )
    if _crossed(s):
        return Proof(
            "wrong-branch", f"the branches have each other's derivative: {shown}", 0.0, "", also=("f-prime-wrong",)
        )
    # Which part of a loss's derivative is wrong, slopes alone do not say.
    also = (
        ("path-missing",) if np.all(np.isfinite(s.y)) else ("path-missing", "wrong-branch", "f-prime-missing", "other")
    )
    return Proof("f-prime-wrong", f"the formula of the derivative is another function's: {shown}", 0.0, "", also=also)


def _in_part(s: Slopes, shown: str) -> Proof | None:
    """Say that some slopes are wrong and most are right, where more than a few are."""
    if s.wrong.sum() < FEWEST_IN_PART:
        return None
    count = f"{int(s.wrong.sum())} of {s.x.size} entries"
    if not s.claimed[s.wrong].any():
        text = f"the slope claimed is 0 at {count}, where forward still responds, and right at the others: {shown}"
        return Proof("part-zeroed", text, 0.0, "", also=("wrong-branch", "path-missing"))
    text = f"the derivative's formula is wrong at {count}, and right at the others: {shown}"
    return Proof("f-prime-wrong", text, 0.0, "", also=("wrong-branch", "part-off", "path-missing"))


def _crossed(s: Slopes) -> bool:
    """Tell whether each sign of the input has a constant slope in one of the two matrices, the same number."""
    up, down = s.x > 0, s.x < 0
    if up.sum() < 2 or down.sum() < 2:
        return False
    for one, other in ((up, down), (down, up)):
        constant = np.ptp(s.true[one]) <= ALIKE * s.scale and np.all(s.near(s.claimed[other], s.true[one][0]))
        if constant and np.ptp(s.true[other]) > ALIKE * s.scale:
            return True
    return False
