"""Hypotheses: the gradient is the true one times a constant. Exact candidates; a fitted number only as a last word."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.explain.elsewhere import slopes_at
from gradcheck.explain.layout import batch_length, kernel_areas, spatial_axes
from gradcheck.explain.proof import Case, Proof, prove
from gradcheck.explain.scene import Scene, largest_bars
from gradcheck.explain.tables import inner_products
from gradcheck.subject import Array

NEARLY = 0.1  # a factor that differs from 1 by less is told as a small relative error
CLOSE = 1e-9  # relative; a factor read off a probe is a decimal number within that
SMALLEST_TOLD = 64.0  # units of rounding; a factor closer to 1 is no factor


RATED = 0.5  # a factor of one or two decimal figures below this may be a learning rate


def _one(value: float) -> Callable[[Scene], tuple[float, ...]]:
    return lambda _scene: (value,)


def _axes(scene: Scene) -> tuple[float, ...]:
    return tuple(float(n) for n in dict.fromkeys(scene.shape) if n > 1)


def _positions(scene: Scene) -> tuple[float, ...]:
    """How many positions an output channel has: the sizes of the output without its batch, or without its channels."""
    shape = scene.output_shape
    sizes = [np.prod(shape[1:]), np.prod(shape[2:]), np.prod(shape[1:-1])] if len(shape) >= 2 else []
    return tuple(float(n) for n in dict.fromkeys(int(n) for n in sizes) if n > 1)


def _roots(scene: Scene) -> tuple[float, ...]:
    return tuple(float(np.sqrt(n)) for n in _axes(scene))


# Numbers without a class of their own that are told beside one that has: what a mean or a scale is often made with.
ALSO_TOLD = ("the number of positions", "the square root of an axis' length")
RATES = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0003, 0.0002, 0.0001, 0.00001)

# code when multiplied, code when divided, what the number is, its candidates
FACTORS: tuple[tuple[str, str, str, Callable[[Scene], tuple[float, ...]]], ...] = (
    ("factor-2", "factor-1/2", "2", _one(2.0)),
    ("factor-N", "factor-1/N", "the batch size", lambda s: (float(batch_length(s)),)),
    ("factor-N", "factor-1/N", "the length of axis 0", lambda s: (float(s.shape[0]),) if s.shape else ()),
    ("factor-N", "factor-1/N", "the number of its entries", lambda s: (float(s.value.size),)),
    ("factor-N", "factor-1/N", "the number of outputs", lambda s: (float(s.form.size),)),
    ("factor-kernel-area", "factor-kernel-area", "the number of cells in a window", kernel_areas),
    ("factor", "factor", "the number of positions", _positions),
    ("factor", "factor", "the length of an axis", _axes),
    ("factor", "factor", "the square root of an axis' length", _roots),
    *(("factor", "factor-learning-rate", f"a learning rate of {rate:g}", _one(1.0 / rate)) for rate in RATES),
    *(("factor", "factor", str(n), _one(float(n))) for n in (3, 4, 5, 6, 7, 8, 9, 12, 16, 25)),
)


SHAPES = ("the batch size", "the number of its entries", "the number of outputs", "the number of cells in a window")
RATED_KEYS = tuple(row[2] for row in FACTORS if row[1] == "factor-learning-rate")


def candidates(scene: Scene) -> Iterator[tuple[str, str, str, float]]:
    """Yield every exact candidate: code, key, words with a gap for what is multiplied, and the claim's factor."""
    for more, less, words, values in FACTORS:
        for value in values(scene):
            if value > 1.0:
                known = "" if words == f"{value:g}" else f" ({value:.6g} is {words})"
                if less == "factor-learning-rate":
                    yield less, f"/ {words}", f"{1.0 / value:.6g} times{{}}, as {words} makes it", 1.0 / value
                    continue
                yield more, f"x {words}", f"{value:.6g} times{{}}{known}", value
                yield less, f"/ {words}", f"1/{value:.6g} of{{}}{known}", 1.0 / value


def ratio(scene: Scene, claims: Array, cotangents: Array) -> float | None:
    """Return the factor of the claim over the truth that the first probe suggests, to a few digits."""
    if not len(scene.tangents):
        return None
    claimed = scene.tables.look(inner_products, claims, scene.tangents)
    measured = scene.tables.look(inner_products, cotangents, scene.slopes)
    # The probe with the largest true value says it best; the sign comes with it.
    at = np.unravel_index(int(np.argmax(np.abs(measured))), measured.shape)
    if measured[at] == 0.0 or not np.isfinite(claimed[at]):
        return None
    return float(claimed[at] / measured[at])


def scaled(
    case: Case, proof: Proof, *, claims: Array | None = None, cotangents: Array | None = None, single: bool = True
) -> Iterator[Proof]:
    """Yield the proofs that the claim, with another change already taken back, is a known multiple of the truth.

    With `single` the factor 1 counts as well. Two candidates may be multiplied only where no other change was made.
    """
    scene = case.scene
    g = scene.claims if claims is None else claims
    c = scene.cotangents if cotangents is None else cotangents
    if not scene.plausible(g, c):
        return
    if single:
        yield from prove(scene, proof, claims=g, cotangents=c)
    there = replace(scene, claims=g, cotangents=c)
    for one, factor in multiples(there, proof):
        yield from prove(scene, one, claims=g / factor, cotangents=c)


def multiples(scene: Scene, proof: Proof) -> Iterator[tuple[Proof, float]]:
    """Yield the proof with the sign and every exact constant that the first probe suggests, and the claim's factor."""
    seen = ratio(scene, scene.claims, scene.cotangents)
    if seen is None or abs(seen) < 1e-12:
        return
    if seen < 0:
        yield _signed(proof), -1.0
    for code, key, words, factor in candidates(scene):
        if abs(abs(seen) / factor - 1.0) <= 1e-2:
            yield _multiplied(proof, code, key, words, negative=seen < 0), float(np.copysign(factor, seen))


def _signed(proof: Proof) -> Proof:
    return replace(proof, sentence=f"{proof.sentence} and negated", key=f"{proof.key}, -1", also=(*proof.also, "sign"))


def _multiplied(proof: Proof, code: str, key: str, words: str, *, negative: bool) -> Proof:
    minus = "minus " if negative else ""
    also = (*proof.also, code, *(("sign",) if negative else ()))
    return replace(
        proof,
        sentence=f"{proof.sentence}, and {minus}{words.format(' what it should be')}",
        key=f"{proof.key}, {key}",
        also=also,
    )


def factors(case: Case) -> Iterator[Proof]:
    """Propose a wrong sign, and every exact candidate, alone and two at once."""
    scene = case.scene
    seen = ratio(scene, scene.claims, scene.cotangents)
    if seen is None or seen == 0.0:
        return
    minus = "-" if seen < 0 else ""
    if seen < 0:
        sign = Proof(
            "sign", "the gradient has the wrong sign", 0.0, "-1", repair=f"grad_{scene.name} = -grad_{scene.name}"
        )
        yield from prove(scene, sign, claims=-scene.claims)
    near = [c for c in candidates(scene) if abs(abs(seen) / c[3] - 1.0) <= 1e-2]
    named = [c for c in near if c[0] != "factor"] or _anonymous(near)
    for code, key, words, factor in named:
        text = f"the gradient is {'minus ' if minus else ''}{words.format(' the true one')}"
        others, classes = _other_meanings(scene, code, factor, near)
        text += f"; {max(factor, 1 / factor):.6g} is also {' and '.join(others)}" if others else ""
        proof = Proof(code, text, 0.0, f"{minus}{key}", repair=_repair(scene, factor, negative=seen < 0))
        known = tuple(dict.fromkeys((*_counted(scene, code, factor), *classes)))
        proof = replace(proof, also=(*known, "sign") if minus else known)
        yield from prove(scene, proof, claims=scene.claims / np.copysign(factor, seen))


def _other_meanings(
    scene: Scene, code: str, factor: float, near: list[tuple[str, str, str, float]]
) -> tuple[list[str], tuple[str, ...]]:
    """Return what else the number is on these shapes, and the classes that this would be."""
    words: list[str] = []
    if code != "factor":
        told = ALSO_TOLD if len(scene.output_shape) >= 3 else ALSO_TOLD[1:]
        known = [(w, f) for c, _, w, f in near if c == "factor" and any(also in w for also in told)]
        words = [w.partition(" is ")[2].rstrip(")") for w, f in known if abs(f / factor - 1.0) < CLOSE]
    classes = ("factor",) if words else ()
    window = _window(scene, max(factor, 1.0 / factor))
    if window and code != "factor-kernel-area":
        words, classes = [*words, f"the number of cells in {window}"], (*classes, "factor-kernel-area")
    return [w for w in words if w], classes


def _window(scene: Scene, number: float) -> str:
    """Name the square window that would have so many cells, where the argument has axes of positions for it."""
    space = spatial_axes(scene, scene.name) if len(scene.shape) >= 3 else ()
    if len(space) < 2:
        return ""
    side = round(number ** (1.0 / len(space)))
    fits = 2 <= side <= min(scene.shape[a] for a in space) and abs(side ** len(space) - number) < CLOSE
    return f"a window of {' x '.join([str(side)] * len(space))}" if fits else ""


def _anonymous(near: list[tuple[str, str, str, float]]) -> list[tuple[str, str, str, float]]:
    """Join numbers without a class of their own into one candidate that says what they may also be."""
    if not near:
        return []
    code, key, words, factor = near[-1]
    also = [w.partition("{}")[2] for _, _, w, _ in near[:-1] if "(" in w]
    return [(code, key, words + also[0].replace(" is ", " is also ") if also else words, factor)]


def _counted(scene: Scene, code: str, factor: float) -> tuple[str, ...]:
    """Return the class that the factor may have as well: it is how many entries an axis, or an average, has."""
    shares = (scene.value.size // scene.form.size,) if scene.form.size and code == "factor-kernel-area" else ()
    numbers = _axes(scene) if code == "factor" else shares
    if any(abs(n - factor) < CLOSE for n in numbers):
        return ("factor-N",)
    return ("factor-1/N",) if any(abs(n * factor - 1.0) < CLOSE for n in numbers) else ()


def _repair(scene: Scene, factor: float, *, negative: bool) -> str:
    change = f"/ {factor:.6g}" if factor > 1 else f"* {1.0 / factor:.6g}"
    return f"grad_{scene.name} = {'-' if negative else ''}grad_{scene.name} {change}"


def products(case: Case) -> Iterator[Proof]:
    """Propose products of two candidates."""
    scene = case.scene
    seen = ratio(scene, scene.claims, scene.cotangents)
    if seen is None or seen == 0.0:
        return
    named = (*SHAPES, *RATED_KEYS, "2")
    known = {key: (c, words, factor) for c, key, words, factor in candidates(scene) if key.partition(" ")[2] in named}
    for (one, (code, words, a)), (two, (other, more, b)) in combinations(known.items(), 2):
        if not any(key.partition(" ")[2] in SHAPES for key in (one, two)):
            continue
        if abs(a * b - 1.0) < 1e-9 or abs(abs(seen) / (a * b) - 1.0) > 1e-3:
            continue
        text = f"the gradient is {seen:.6g} times the true one: {words.format(' it')}, and {more.format(' that')}"
        proof = Proof(
            code, text, 0.0, f"{one} {two}", also=("factor", other), repair=_repair(scene, a * b, negative=seen < 0)
        )
        yield from prove(scene, proof, claims=scene.claims / np.copysign(a * b, seen))


def _same_elsewhere(scene: Scene, seen: float) -> bool:
    """Tell whether the claim is as many times the truth at another point: a single slope always is at one."""
    moved = {**scene.place.wide, scene.name: 1.25 * scene.value + 0.125 * np.abs(scene.value).max(initial=0.0)}
    probes = slopes_at(scene, moved, scene.tangents[:1])
    narrow = {**scene.inputs, scene.name: moved[scene.name].astype(scene.inputs[scene.name].dtype)}
    claim = scene.ask(scene.cotangents[0], narrow)
    if probes is None or claim is None:
        return False
    return largest_bars(claim[None] / seen, scene.cotangents[:1], probes, scene.slack) <= THRESHOLD


def proportional(case: Case) -> Iterator[Proof]:
    """Propose some other constant, read off one probe: proved only by all the others."""
    scene = case.scene
    seen = ratio(scene, scene.claims, scene.cotangents)
    if seen is None or abs(seen) < 1e-6 or not _same_elsewhere(scene, seen):
        return
    if abs(seen - 1.0) < SMALLEST_TOLD * scene.slack.unit:
        return
    if abs(seen - 1.0) < NEARLY:
        text = f"every entry is off by the same small relative error, {seen - 1.0:+.3g}"
        proof = Proof("small-error", text, 0.0, "nearly 1", also=("factor",))
    else:
        text = f"the gradient is {seen:.6g} times the true one, a number that these shapes do not suggest"
        also = ("sign",) if seen < 0 else ()
        if abs(seen) < RATED and abs(float(f"{seen:.1e}") / seen - 1.0) < CLOSE:
            text, also = f"{text}; it may be a learning rate", (*also, "factor-learning-rate")
        proof = Proof("factor", text, 0.0, "fitted", also=also)
    yield from prove(scene, proof, claims=scene.claims / seen)
