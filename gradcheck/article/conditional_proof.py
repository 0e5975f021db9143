"""Conditions decided for every shape: the claim holds under the condition, and is broken wherever it is not met."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product

from gradcheck.article.proof import Obligation, Query, Symbols, decide, prove, restricted, solver, terms, within
from gradcheck.article.relations import Axis, Constraint, Equal, Int, Place, Sum

# What each condition on the shape says of one axis, and what its violation says.
_SHAPES: dict[str, tuple[Callable[[Axis], Constraint], Callable[[Axis], Constraint]]] = {
    "k = 1": (lambda z: z.k == 1, lambda z: z.k >= 2),
    "H = k": (lambda z: z.size == z.k, lambda z: z.size > z.k),
    "H = 1": (lambda z: z.size == 1, lambda z: z.size >= 2),
}


def prove_condition(relation: Equal) -> tuple[Obligation, ...]:
    """Prove that a relation holds under its condition, and that it needs it."""
    match relation.condition:
        case "first turned" | "second turned":
            return tuple(decide(name, query) for name, query in _turned(relation))
        case "second vanishes":
            return _vanishing(relation)
        case None:
            return ()
    met, broken = _SHAPES[relation.condition]
    under = prove(restricted(relation, lambda z: [met(z)]))
    return (*(replace(one, name=f"under {relation.condition}: {one.name}") for one in under), _needed(relation, broken))


def _needed(relation: Equal, broken: Callable[[Axis], Constraint]) -> Obligation:
    """Ask whether, for every shape without the condition, a term at some corner differs.

    The corners are those of the domain and of the sum. A term differs that is undefined, or that the other side lacks.
    """

    def query(_: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
        sides = (relation.left, relation.right), (relation.right, relation.left)
        places = (0, z.k - 1, z.size - 1, z.n - 1, z.size + z.k - 2)
        axes = [replace(z, tap=tap) for tap in (0, z.k - 1)]
        corners = product(sides, axes, places, ("low", "high"))
        return [broken(z)], [solver().Or(*(_differs(relation, *corner) for corner in corners))]

    return decide(f"without {relation.condition}, some term differs, for every shape", query)


def _differs(relation: Equal, sides: tuple[Sum, Sum], z: Axis, at: Int, end: str) -> Constraint:
    z3, (one, other) = solver(), sides
    t = one.low(z, at) if end == "low" else one.high(z, at)
    undefined = z3.Not(z3.And(*one.inside(z, at, t, zero=False)))
    missing = z3.And(*terms(one, z, at, t), z3.Not(_has(other, z, at, one.places(z, at, t))))
    return z3.And(*relation.domain(z, at), *one.in_range(z, at, t), z3.Or(undefined, missing))


def _has(one: Sum, z: Axis, at: Int, places: tuple[Int, Int]) -> Constraint:
    """Say that a sum contains the monomial, by either inverse that it has."""
    z3 = solver()
    found = []
    for inverse, place in ((one.by_first, places[0]), (one.by_second, places[1])):
        if inverse is not None:
            t = inverse(z, at, place)
            found.append(
                z3.And(*one.in_range(z, at, t), one.first(z, at, t) == places[0], one.second(z, at, t) == places[1])
            )
    return z3.Or(*found)


def _turned(relation: Equal) -> Iterator[tuple[str, Query]]:
    """The condition that an array is its own rotation: on two axes, for the rotation turns both at once.

    It merges the monomials of w(m, n) and w(k1-1-m, k2-1-n). Both sides have exactly one monomial for each index of
    the *other* factor, so nothing is counted twice; the two sides are equal for all values of that factor exactly
    when the array has equal entries at the two places that it is read at. These are each other's rotation.
    """
    second = relation.condition == "second turned"

    def inverse(one: Sum) -> Place:
        found = one.by_first if second else one.by_second
        if found is None:
            raise ValueError("the other factor must determine the term")
        return found

    def read(one: Sum, z: Axis, at: Int, t: Int) -> tuple[Int, Int]:
        p, q = one.places(z, at, t)
        return (p, q) if second else (q, p)

    def matched(one: Sum, other: Sum) -> Query:
        def query(_: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
            premises: list[Constraint] = []
            conclusions: list[Constraint] = []
            for axis, (at, t) in _two_axes(z):
                premises += [axis.k >= 1, axis.size >= axis.k, *relation.domain(axis, at), *terms(one, axis, at, t)]
                free, turned = read(one, axis, at, t)
                back = inverse(other)(axis, at, free)
                again, place = read(other, axis, at, back)
                extent = axis.extent(one.names[second])
                conclusions += [*terms(other, axis, at, back), again == free, place == extent - 1 - turned]
                conclusions += [inverse(one)(axis, at, free) == t]
            return premises, conclusions

        return query

    def reached(_: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
        z3, left = solver(), relation.left
        q = z3.Int("q")
        found = []
        for index in (0, q, q - z.n + 1, z.n - 1 - q):
            t = (left.by_second if second else left.by_first) or inverse(left)
            term = t(z, index, q)
            read_at = left.places(z, index, term)[second]
            found.append(z3.And(*relation.domain(z, index), *terms(left, z, index, term), read_at == q))
        return [q >= 0, q < z.extent(left.names[second])], [z3.Or(*found)]

    yield (
        "each term on the left has a partner on the right that reads the rotated place",
        matched(relation.left, relation.right),
    )
    yield (
        "each term on the right has a partner on the left that reads the rotated place",
        matched(relation.right, relation.left),
    )
    yield "every entry of the array is read, so that it must equal its rotation", reached


def _two_axes(z: Axis) -> Iterator[tuple[Axis, tuple[Int, Int]]]:
    z3 = solver()
    yield z, tuple(z3.Ints("at t"))
    yield Axis(z3.Int("W"), z3.Int("k2")), tuple(z3.Ints("at2 t2"))


def _vanishing(relation: Equal) -> tuple[Obligation, ...]:
    """The condition that the kernel is zero but for its first entry: only monomials with q = 0 are left."""

    def only_zero(one: Sum) -> Sum:
        return replace(one, guard=lambda z, at, t: [*one.guard(z, at, t), one.second(z, at, t) == 0])

    under = replace(relation, left=only_zero(relation.left), right=only_zero(relation.right))

    def needed(_: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
        q = solver().Int("q")
        alone = solver().Not(_has(relation.right, z, q, relation.left.places(z, q, q)))
        inside = solver().And(*relation.right.inside(z, q, -q, zero=True))
        return [q >= 1, q < z.k], [*terms(relation.left, z, q, q), solver().Or(alone, solver().Not(inside))]

    return (
        decide(
            "under w(m) = 0 for m > 0: every monomial on the left is on the right",
            within(under.left, under.right, under),
        ),
        decide(
            "under w(m) = 0 for m > 0: every monomial on the right is on the left",
            within(under.right, under.left, under),
        ),
        decide("every other w(m) occurs on the left alone", needed),
    )
