"""Index relations decided for every shape by an SMT solver (the extra `proof`): `unsat` of a difference is a proof.

All queries are free of quantifiers: a summation index is found from the place of a factor by the sum's own inverse,
and that this is an inverse, hence that no monomial occurs twice, is itself proved. A division is written as
q * stride + r with 0 <= r < stride. What the solver does not decide in time is reported as undecided.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from gradcheck.article.relations import Axis, Constraint, Equal, Gradient, Int, Relation, Single, Sum
from gradcheck.errors import MissingExtra

Outcome = Literal["proved", "refuted", "undecided"]
TIME_LIMIT = 4_000  # milliseconds for one try; nearly all take under a tenth of a second
_SEEDS = (0, 1, 2, 3)  # products of symbols are undecidable in general, and luck differs from seed to seed


@dataclass(frozen=True)
class Obligation:
    """One query: what it says, and whether the solver found no exception to it; `model` is the smallest it found."""

    name: str
    outcome: Outcome
    model: dict[str, int] = field(default_factory=dict)


@dataclass
class Symbols:
    """Names for the solver, and the constraints that come with them: every divide brings a quotient and a remainder."""

    free: bool
    constraints: list[Constraint] = field(default_factory=list)
    divisions: int = 0

    def axis(self) -> Axis:
        """Return an axis of symbols, with H >= k >= 1; stride, dilation and padding are symbols where `free`."""
        z3 = solver()
        size, k, tap = z3.Ints("H k tap")
        self.constraints += [k >= 1, size >= k]
        if not self.free:
            return Axis(size, k, tap=tap)
        stride, dilation, padding, outputs = z3.Ints("stride dilation padding outputs")
        self.constraints[-1] = size >= 1
        self.constraints += [stride >= 1, dilation >= 1, padding >= 0, outputs >= 0]
        return Axis(size, k, stride, dilation, padding, tap, outputs, self.divide)

    def divide(self, number: Int, divisor: Int) -> tuple[Int, Int]:
        """Return q and r of number = q * divisor + r with 0 <= r < divisor."""
        z3 = solver()
        self.divisions += 1
        q, r = z3.Ints(f"q{self.divisions} r{self.divisions}")
        self.constraints += [q * divisor + r == number, r >= 0, r < divisor]
        return q, r


def solver() -> Any:
    """Return the module z3; raise MissingExtra where it is not installed."""
    try:
        import z3  # loads a library of 60 MB: only where something is proved
    except ImportError as err:
        raise MissingExtra("proof") from err
    return z3


Query = Callable[[Symbols, Axis], tuple[Sequence[Constraint], Sequence[Constraint]]]


def decide(name: str, query: Query, *, free: bool = False, limit: int = TIME_LIMIT) -> Obligation:
    """Ask whether the premises of a query imply all its conclusions, for every value of the symbols.

    A counterexample is made small: the sum of all sizes is bounded by 2, 3, 4, ... until one exists.
    """
    z3, symbols = solver(), Symbols(free)
    axis = symbols.axis()
    premises, conclusions = query(symbols, axis)
    for seed in _SEEDS:
        asked = z3.Solver()
        asked.set("timeout", limit)
        asked.set("random_seed", seed)
        asked.add(*symbols.constraints, *premises, z3.Not(z3.And(*conclusions)))
        answer = asked.check()
        if answer == z3.unsat:
            return Obligation(name, "proved")
        if answer == z3.sat:
            return Obligation(name, "refuted", _smallest(asked, axis, free))
    return Obligation(name, "undecided")


def _smallest(asked: Any, axis: Axis, free: bool) -> dict[str, int]:
    z3 = solver()
    total = axis.size + axis.k
    total = total + axis.stride + axis.dilation + axis.padding if free else total
    for bound in range(2, 40):
        asked.push()
        asked.add(total <= bound)
        if asked.check() == z3.sat:
            model = asked.model()
            return {str(symbol): model[symbol].as_long() for symbol in model.decls()}
        asked.pop()
    return {}


def prove(relation: Relation, *, free: bool = False) -> tuple[Obligation, ...]:
    """Decide a relation without its condition, for every shape; `free` makes stride, dilation and padding symbols."""
    return tuple(decide(name, query, free=free) for name, query in _queries(relation))


def _queries(relation: Relation) -> Iterator[tuple[str, Query]]:
    if isinstance(relation, Equal):
        for side, one in (("left", relation.left), ("right", relation.right)):
            yield f"no monomial occurs twice on the {side}", _injective(one, relation)
            yield f"no index of the {side} side is undefined", _defined(one, relation)
        yield "every monomial on the left is on the right", within(relation.left, relation.right, relation)
        yield "every monomial on the right is on the left", within(relation.right, relation.left, relation)
    elif isinstance(relation, Gradient):
        yield from _gradient(relation)
    else:
        yield from _single(relation)


def terms(one: Sum, z: Axis, at: Int, t: Int) -> list[Constraint]:
    """Return what says that term t is summed and lies inside of both arrays."""
    return [*one.in_range(z, at, t), *one.inside(z, at, t, zero=True), *one.inside(z, at, t, zero=False)]


def _injective(one: Sum, relation: Equal) -> Query:
    def query(_: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
        at, t = solver().Ints("at t")
        p, q = one.places(z, at, t)
        back = one.by_second(z, at, q) if one.by_second else one.by_first(z, at, p) if one.by_first else None
        return [*relation.domain(z, at), *one.in_range(z, at, t)], [back == t]

    return query


def _defined(one: Sum, relation: Equal) -> Query:
    def query(_: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
        at, t = solver().Ints("at t")
        return [*relation.domain(z, at), *one.in_range(z, at, t)], one.inside(z, at, t, zero=False)

    return query


def within(one: Sum, other: Sum, relation: Equal) -> Query:
    """Ask whether every monomial of one sum is one of the other."""

    def query(_: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
        at, t = solver().Ints("at t")
        p, q = one.places(z, at, t)
        back = term_of(other, z, at, (p, q))
        found = other.places(z, at, back)
        conclusions = [*other.in_range(z, at, back), found[0] == p, found[1] == q]
        return [*relation.domain(z, at), *terms(one, z, at, t)], conclusions

    return query


def term_of(one: Sum, z: Axis, at: Int, places: tuple[Int, Int]) -> Int:
    """Return the only t that can give the monomial (p, q)."""
    if one.by_second is not None:
        return one.by_second(z, at, places[1])
    if one.by_first is None:
        raise ValueError("a sum needs an inverse for one of its factors")
    return one.by_first(z, at, places[0])


def _gradient(relation: Gradient) -> Iterator[tuple[str, Query]]:
    forward, claimed = relation.forward, relation.claimed

    def read(z: Axis, i: Int, t: Int) -> tuple[Int, Int]:
        p, q = forward.places(z, i, t)
        return (p, q) if relation.by == "first" else (q, p)

    def complete(_: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
        i, t = solver().Ints("i t")
        j, other = read(z, i, t)
        back = term_of(claimed, z, j, (i, other))
        found = claimed.places(z, j, back)
        premises = [*relation.outputs(z, i), *terms(forward, z, i, t)]
        return premises, [*claimed.in_range(z, j, back), found[0] == i, found[1] == other]

    def sound(_: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
        j, s = solver().Ints("j s")
        i, other = claimed.places(z, j, s)
        place = (j, other) if relation.by == "first" else (other, j)
        back = term_of(forward, z, i, place)
        found = forward.places(z, i, back)
        inside = z.extent(forward.names[relation.by == "second"])
        premises = [j >= 0, j < inside, *terms(claimed, z, j, s)]
        conclusions = [*relation.outputs(z, i), *forward.in_range(z, i, back)]
        return premises, [*conclusions, found[0] == place[0], found[1] == place[1]]

    def once(_: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
        j, s = solver().Ints("j s")
        return terms(claimed, z, j, s), [term_of(claimed, z, j, claimed.places(z, j, s)) == s]

    def forward_once(_: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
        i, t = solver().Ints("i t")
        return terms(forward, z, i, t), [term_of(forward, z, i, forward.places(z, i, t)) == t]

    yield "no monomial of the forward pass occurs twice", forward_once
    yield "no monomial of the claimed gradient occurs twice", once
    yield "every monomial of the derivative is claimed", complete
    yield "every claimed monomial is one of the derivative", sound


def _single(relation: Single) -> Iterator[tuple[str, Query]]:
    forward = relation.forward

    def place(z: Axis, i: Int, t: Int) -> Int:
        return forward.places(z, i, t)[relation.by == "second"]

    def unique(_: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
        i, t = solver().Ints("i t")
        j = place(z, i, t)
        return [*relation.outputs(z, i), *terms(forward, z, i, t)], [
            relation.term(z, i, j) == t,
            *relation.exists(z, i, j),
        ]

    def exists(_: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
        i, j = solver().Ints("i j")
        inside = [j >= 0, j < z.extent(forward.names[relation.by == "second"])]
        t = relation.term(z, i, j)
        return [*relation.outputs(z, i), *inside, *relation.exists(z, i, j)], [
            *terms(forward, z, i, t),
            place(z, i, t) == j,
        ]

    yield "all other terms are zero", unique
    yield "the term is there, at the border too", exists


def restricted(relation: Equal, extra: Callable[[Axis], list[Constraint]]) -> Equal:
    """Return the relation on the shapes of which `extra` is true."""
    return replace(relation, domain=lambda z, at: [*relation.domain(z, at), *extra(z)])
