"""The rounding noise of a function, measured by its response to changes of a few units in the last place.

Neighbouring inputs that differ by a few ulps give outputs that differ by the rounding errors of both evaluations and
by the function's own condition; the root mean square of that difference stands for both, and is the least that can be
said of how well the function, or a gradient computed beside it, is determined in its dtype.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.numdiff.records import Vector, blocks, sampled, typical_size

SAMPLES = 2
SMALLEST = float(np.finfo(np.float64).tiny)  # below it numbers lose digits, and differences of them are noise
WIDER_SPACINGS = (2.0**-18, 2.0**-12)  # where most outputs answer the first with silence: quanta larger than it
FINEST_SPACING = 2.0**-34
SILENT = 0.5  # of the outputs
# The cube of it is below any rounding; steps of it are felt by functions that work in float32.
COARSE_SPACING = 2.0**-24
THIRD_DIFFERENCE = 20.0**0.5  # sqrt(1 + 9 + 9 + 1): the gain of a third difference on independent noise
CLOSER, SAME = 8.0, 0.2  # how much closer the second look is, and how well it must scale to be a kink's
COARSEST = 2.0**-8  # of the largest output: eight units of rounding in float16
QUANTISED = 4.0  # the median output's third difference is below 4 times its noise unless f is quantised more coarsely
FEW_OUTPUTS = 64
BY_CHANCE = 24  # bits that are zero by chance have probability 2^-24
STEPS = 2.0**-12  # of the largest output: what cancels so far in float32 has a constant of 4096 times its result in it
NEIGHBOURS_ENOUGH = 16  # outputs, of which half respond by less than a quarter of the typical with probability 2^-9
SHARED = 1 / 8  # of the outputs: quanta seen in so many are taken to be in all; too much noise blurs and accuses nobody
LACKING = 42  # bits that a value of float64 has beyond its first where ten are missing
FEWEST_ON_A_GRID = 4  # values: with ten bits missing in each by chance once in 10^12 times
LEAST_EXPONENT = -1000  # of two: smaller numbers lack bits by underflow
COARSEST_GRID = (
    -40
)  # the exponent of the last place of 4096: what is larger before it is rounded is none of ordinary size
GOLDEN, SALT = 0x9E3779B97F4A7C15, 0x632BE5AB  # odd multipliers that mix the bits of a number (Knuth's golden ratio)
CHANGES = np.array([-2.0, -1.0, 1.0, 2.0, -1.0, 2.0, -2.0, 1.0])  # in ulps
NORMAL_MEDIAN = 0.6745  # of |N(0, 1)|: a median over it is the standard deviation that outliers do not raise


def few_ulps(x: np.ndarray[Any, Any], salt: int, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Change every entry by one or two ulps of `dtype`, by an amount that depends on its value alone.

    Equal entries stay equal and zeros stay zero, so that ties and exact zeros survive.
    """
    flat = x.reshape(-1)
    moved = np.empty(flat.shape, dtype=x.dtype)
    for at in blocks(flat.size):
        exact = np.ascontiguousarray(flat[at], dtype=np.float64)
        bits = exact.view(np.uint64)
        mixed = (bits ^ (bits >> np.uint64(29))) * np.uint64((GOLDEN + 2 * SALT * salt) % 2**64 | 1)
        change = CHANGES[(mixed >> np.uint64(61)).astype(np.intp)]
        change *= np.spacing(np.abs(exact).astype(dtype)).astype(np.float64, copy=False)
        change += exact
        np.copyto(change, exact, where=exact == 0)
        moved[at] = change
    return moved.reshape(x.shape)


def forward_noise(
    evaluate: Callable[[Mapping[str, Any]], Vector | None],
    inputs: Mapping[str, Any],
    varied: tuple[str, ...],
    base: Vector,
    *,
    dtype: np.dtype[Any],
    slope: Vector | None = None,
) -> tuple[Vector, int]:
    """Return the noise of every output and the number of evaluations spent.

    Parameters
    ----------
    evaluate : callable
        Inputs by name -> flat outputs, or None where the layer refuses them.
    varied : tuple of str
        The floating inputs to change, all at once.
    base : (m,) float64
        The outputs at `inputs`.
    dtype : numpy dtype
        The precision that forward works in; its unit round-off times |output| is the least noise assumed.
    slope : (m,) float64, optional
        How much the outputs move with a change of the inputs by their own size: the rounding of the inputs, and of
        the first operation on them, shows in the outputs as a unit round-off times that.
    """
    unit = float(np.finfo(dtype).eps) / 2.0
    least = max(SMALLEST, float(np.finfo(dtype).smallest_subnormal))
    floor = np.empty(base.shape)
    for at in blocks(base.size):
        floor[at] = np.maximum(unit * np.abs(base[at]), least)
        if slope is not None:
            own = unit * np.nan_to_num(np.abs(slope[at]), nan=0.0, posinf=0.0)
            np.maximum(floor[at], own, out=floor[at])
    samples = SAMPLES if base.size < NEIGHBOURS_ENOUGH else SAMPLES - 1
    total, seen = np.zeros(base.shape), 0
    for salt in range(samples):
        moved = dict(inputs) | {name: few_ulps(inputs[name], salt, dtype) for name in varied}
        outputs = evaluate(moved)
        if outputs is not None and outputs.shape == base.shape and np.all(np.isfinite(outputs)):
            np.hypot(total, outputs - base, out=total)
            seen += 1
        del outputs
    own = total
    own /= float(np.sqrt(max(seen, 1)))
    # Kinks and branches make single outputs jump; the median speaks for the others.
    typical = _typical(own, floor, base) / NORMAL_MEDIAN
    silent = (base == 0) & (own == 0)
    # An output's own few samples may all be lucky: at least what its neighbours show.
    noise = floor
    noise *= max(1.0, typical)
    np.maximum(own, noise, out=noise)
    if silent.any():
        np.maximum(noise, unit * _typical_size(base), out=noise, where=silent)
    return noise, samples


def _typical_size(base: Vector) -> float:
    """Return the median size of the outputs that are not zero, 1 where all are.

    An output that is exactly zero and stays so hides the rounding of what went on inside: 1 - 1 stands where the
    truth is 1e-17.
    """
    for some in (sampled(base), base):  # a sample tells, unless it holds none
        sizes = np.abs(some[np.isfinite(some) & (some != 0)])
        if sizes.size:
            return typical_size(sizes)
    return 1.0


def quantisation_noise(
    along: Callable[[float], Vector | None], base: Vector, noise: Vector, row: "Row | None", *, smallest: float
) -> tuple[Vector, Vector]:
    """Return `noise`, raised where f is quantised too coarsely for a few ulps to show it; likewise, in doubt raised.

    A function that rounds its input or an intermediate to float32 answers a few ulps of float64 with silence. Third
    differences at a spacing of 2^-24 (three evaluations, `row`) are free of the smooth part and show the quanta. A
    kink within that spacing shows too; among many outputs the median decides, and where it might be either, a second
    look at an eighth of the spacing tells: what a kink adds shrinks with the spacing and what is smooth with its
    cube, quanta stay. Changes beyond any float16's quanta are a fine structure of f, and no noise.
    """
    if row is None or base.size == 0:
        return noise, noise
    level = row.third_difference(base)
    if float(np.max(level)) > COARSEST * float(np.max(np.abs(base))):
        return noise, noise
    typical = _typical(level, noise, base)
    if typical <= QUANTISED and base.size >= FEW_OUTPUTS:
        return noise, noise
    if np.any(level > QUANTISED * noise) and row.spacing / CLOSER >= smallest:
        second = _row(along, row.spacing / CLOSER)
        if second is not None:
            closer = second.third_difference(base)
            kinked = np.abs(closer * CLOSER - level) < SAME * level
            vanished = (closer > 0) & ((closer <= QUANTISED * noise) | (closer * CLOSER**3 < (1.0 + SAME) * level))
            unclear = np.where(kinked, 0.0, level)
            added = _quanta_added(along, base, noise, unclear, row=row, smallest=smallest)
            level = np.where(added, level, np.where(kinked | vanished, 0.0, np.maximum(level, closer)))
            if np.mean(added) >= SHARED:
                share = float(np.min(level[added] / np.maximum(np.abs(base[added]), SMALLEST)))
                noise = np.maximum(noise, share * np.abs(base))
            smooth = _fine_structure(along, base, noise, level, smallest=smallest)
            return _raised(noise, np.where(smooth, 0.0, level), base), _raised(noise, level, base)
    raised = _raised(noise, level, base)
    return raised, raised


def _quanta_added(
    along: Callable[[float], Vector | None], base: Vector, noise: Vector, level: Vector, *, row: "Row", smallest: float
) -> NDArray[np.bool_]:
    """Outputs that add something quantised to something smooth, which answers the smallest steps in its place.

    A smooth function with such third differences L (over sqrt(20)) has slopes that change by sqrt(20) L / 2s over the
    spacing s, and at a kink the slope changes by more. Between jumps a sum has one slope, that of its smooth part.
    """
    spacing, none = max(FINEST_SPACING, smallest), np.zeros(base.shape, dtype=bool)
    at, told = row.spacing, QUANTISED * noise / spacing < level / (2.0 * row.spacing)
    if not told.any():
        return none
    known = ((-at, row.before), (0.0, base), (at, row.after), (2.0 * at, row.beyond))
    nearby = [(along(place + spacing), outputs) for place, outputs in known]
    slopes = [(further - outputs) / spacing for further, outputs in nearby if further is not None]
    if len(slopes) < len(known):
        return none
    added: NDArray[np.bool_] = told & (np.ptp(slopes, axis=0) < level / (2.0 * at))
    return added


def _raised(noise: Vector, level: Vector, base: Vector) -> Vector:
    typical = _typical(level, noise, base)
    return np.maximum(noise, np.maximum(level, typical / NORMAL_MEDIAN * noise if typical > QUANTISED else 0.0))


def _fine_structure(
    along: Callable[[float], Vector | None], base: Vector, noise: Vector, level: Vector, *, smallest: float
) -> NDArray[np.bool_]:
    """Outputs that are smooth after all, closer by: they respond at the finest spacing, and evenly."""
    finest = _row(along, max(FINEST_SPACING, smallest)) if np.any(level > QUANTISED * noise) else None
    if finest is None:
        return np.zeros(base.shape, dtype=bool)
    even = finest.third_difference(base) <= QUANTISED * noise
    smooth: NDArray[np.bool_] = even & (finest.after != base) & (finest.before != base)
    return smooth


def hidden_noise(shown: Vector, noise: Vector, base: Vector) -> Vector | None:
    """Return the part of `noise` that a few ulps do not show, None where there is none.

    What hides in most outputs is taken to hide in the others too, with the least share seen.
    """
    raised = noise > shown
    if not raised.any():
        return None
    hidden = np.where(raised, noise, 0.0)
    told = base != 0
    if np.mean(raised[told]) <= SILENT:
        return hidden
    told &= raised
    return np.maximum(hidden, float(np.min(noise[told] / np.abs(base[told]))) * np.abs(base))


@dataclass(frozen=True)
class Row:
    """Outputs at -1, 1 and 2 times a spacing along a line."""

    spacing: float
    before: Vector
    after: Vector
    beyond: Vector

    @property
    def slope(self) -> Vector:
        """Return the difference quotient."""
        return (self.after - self.before) / (2.0 * self.spacing)

    def third_difference(self, base: Vector) -> Vector:
        """Return |third difference| over its gain on independent noise."""
        found = np.empty(base.shape)
        for at in blocks(base.size):
            third = self.beyond[at] - 3.0 * self.after[at] + 3.0 * base[at] - self.before[at]
            np.divide(np.abs(third), THIRD_DIFFERENCE, out=found[at])
        return found


def rounding_grid(base: Vector, row: Row) -> float:
    """Return the power of two of which all outputs are multiples, where something of ordinary size was rounded to it.

    1 - cos x at 1e-7 is 5e-15 and comes in steps of 2^-53, for the cosine is one. A few ulps' change leaves it as it
    is, and so do most steps. 0.0 where ten bits of every value are not missing, or where the steps are larger than
    rounding makes them.
    """
    values = np.concatenate([base, row.before, row.after, row.beyond])
    values = np.abs(sampled(values[np.isfinite(values) & (values != 0)]))
    if values.size < FEWEST_ON_A_GRID:
        return 0.0
    least, found = int(np.floor(np.log2(float(values.max())))) - LACKING, 0.0
    for exponent in range(max(least, LEAST_EXPONENT), COARSEST_GRID + 2):
        if not np.all(np.fmod(values, 2.0**exponent) == 0):
            return found
        found = 2.0**exponent
    return 0.0


def look_around(along: Callable[[float], Vector | None], base: Vector, smallest: float) -> Row | None:
    """Evaluate f at three points close by, further away where most outputs stay silent; None where f refuses one."""
    first = _row(along, max(COARSE_SPACING, smallest))
    if first is None or not mostly_silent(first, base):
        return first
    closer, widest = WIDER_SPACINGS
    row = _row(along, max(widest, smallest))
    if row is None or mostly_silent(row, base):
        return first  # what answers no wide step answers none in between
    between = _row(along, max(closer, smallest))
    return row if between is None or mostly_silent(between, base) else between


def _row(along: Callable[[float], Vector | None], spacing: float) -> Row | None:
    rows = [along(factor * spacing) for factor in (-1.0, 1.0, 2.0)]
    found = [row for row in rows if row is not None and np.all(np.isfinite(row))]
    return Row(spacing, *found) if len(found) == len(rows) else None


def mostly_silent(row: Row, base: Vector) -> bool:
    """Tell whether most outputs that are not zero did not change at all."""
    told = base != 0
    silent = (row.before == base) & (row.after == base) & (row.beyond == base)
    return bool(told.any() and np.mean(silent[told]) > SILENT)


def _typical(level: Vector, noise: Vector, base: Vector) -> float:
    """Return the level that most outputs show, in units of noise: the median of many, the least of a few.

    Outputs that are exactly zero tell nothing.
    """
    units = base[:0]
    for pick in (sampled, np.ravel):  # a sample tells where it is no small one
        some, unit, outputs = pick(level), pick(noise), pick(base)
        with np.errstate(all="ignore"):
            units = (some / unit)[(unit > 0) & (outputs != 0)]
        if units.size >= FEW_OUTPUTS:
            return typical_size(units)
    return float(np.min(units)) if units.size else 0.0


def working_dtype(outputs: Vector, declared: np.dtype[Any], *, grid: float = 0.0, steps: bool = True) -> np.dtype[Any]:
    """Return the precision that the outputs show: float32 or float16 where every output is representable in it.

    Outputs with short mantissas (small integers, zeros) say nothing; hand in those of a point without round numbers.
    Nor do those that the `grid` of the inputs leaves no more digits: differences of numbers around 1e10; nor those on
    one grid of whole numbers or of large steps, unless `steps` of forward are not asked about.
    """
    some = sampled(outputs)
    for narrow in (np.float16, np.float32):
        # Where any of a few says no, the others need not be asked.
        refuted = some.size < outputs.size and _shows(some, narrow, grid, steps) is False
        if not refuted and _shows(outputs, narrow, grid, steps):
            return np.dtype(narrow)
    return declared


def _shows(outputs: Vector, narrow: type[np.floating[Any]], grid: float, steps: bool) -> bool | None:
    """Tell whether outputs are of a dtype's precision; False where one is of a better one, None where none says it."""
    told = outputs[np.isfinite(outputs) & (outputs != 0)]
    with np.errstate(all="ignore"):
        few = np.abs(told) <= grid * 2.0 ** (np.finfo(narrow).nmant + 1)
        telling = told[~(few & (np.rint(told / (grid or 1.0)) * grid == told))]
        kept = telling.astype(narrow).astype(np.float64)
    if not np.array_equal(kept, telling):
        return False
    if not telling.size or _short(telling, narrow) or (steps and on_one_grid(telling, narrow, coarse=True)):
        return None
    return True


def on_one_grid(values: Vector, narrow: np.dtype[Any] | type[np.floating[Any]], *, coarse: bool = False) -> bool:
    """Tell whether values of `narrow` lie on one grid that it does not explain; a `coarse` one, or any.

    `floor` and quantisers give such. Rounding to `narrow` leaves a value on a grid of 2^k of its units by chance with
    probability 2^-k; those of all values multiply. Differences that cancel share the grid of their terms as well,
    which is a fine one of fractions as a rule: whole numbers are coarse, and steps of 1/4096 of the largest value.
    """
    values = values[np.isfinite(values) & (values != 0)]
    if not values.size:
        return False
    mantissas, exponents = np.frexp(values)
    info = np.finfo(narrow)
    bits = info.nmant + 1
    whole = np.abs(mantissas * 2.0**bits).astype(np.int64)
    if np.any(whole != np.abs(mantissas * 2.0**bits)):
        return False
    units = np.maximum(exponents - bits, info.minexp - info.nmant)  # subnormal numbers share theirs
    grid = int(np.min(exponents - bits + np.log2(whole & -whole).astype(np.int64)))
    if coarse and grid < 0 and 2.0**grid < STEPS * float(np.max(np.abs(values))):
        return False
    return int(np.sum(np.maximum(grid - units, 0))) >= BY_CHANCE


def _short(values: Vector, narrow: type[np.floating[Any]]) -> bool:
    """Tell whether all mantissas fit into half the bits of `narrow`: integers and clipped values explain that as well.

    A single longer one is telling enough: 29 bits that are zero by chance have probability 2^-29.
    """
    mantissa, _ = np.frexp(values)
    kept = np.finfo(narrow).nmant // 2
    scaled = mantissa * 2.0**kept
    return bool(np.all(scaled == np.rint(scaled)))
