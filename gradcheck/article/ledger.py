"""The ledger: for every reading of every claim a row with verdict, condition, counterexample and evidence."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gradcheck.article import delta_claims, forward_claims, prose, weight_claims
from gradcheck.article.article_relations import RELATIONS
from gradcheck.article.beyond_relations import BEYOND, SIZES
from gradcheck.article.cases import Case, small_case
from gradcheck.article.claims import Claim, difference
from gradcheck.article.conditional_proof import prove_condition
from gradcheck.article.equations import EQUATIONS
from gradcheck.article.proof import Obligation, decide, prove
from gradcheck.article.relations import Axis, Equal, Gradient, Relation, Single
from gradcheck.article.verdicts import Ruling, rule

SCHEMA = "gradcheck/article/1"
CLAIMS: tuple[Claim, ...] = (*forward_claims.CLAIMS, *weight_claims.CLAIMS, *delta_claims.CLAIMS, *prose.CLAIMS)
STATEMENTS: dict[int | str, tuple[str, str]] = {
    **{one.number: (one.about, one.statement) for one in EQUATIONS},
    **{one.label: (one.said, one.statement) for one in prose.SENTENCES},
}
_OPERAND = {"o": "image", "w": "kernel", "delta": "delta"}
_CONDITIONS = {
    "k = 1": "k1 = k2 = 1",
    "H = k": "the kernel is as large as the map",
    "H = 1": "k1 = k2 = 1 and H = W = 1",
}

Entry = dict[str, Any]


@dataclass(frozen=True)
class Proof:
    """What the solver said of a claim's relation: without and under its condition; `outcome` sums it up."""

    outcome: str
    obligations: tuple[Obligation, ...]


def entries(
    claims: Sequence[Claim] = CLAIMS, *, examples: int, stored: Sequence[Entry] = (), proofs: bool = True
) -> Iterator[Entry]:
    """Decide the claims one after another; counterexamples of `stored` entries are replayed, not searched anew."""
    pinned = {(one["number"], one["reading"]): one["counterexample"] for one in stored}
    for claim in claims:
        ruling = rule(claim, examples=examples, pinned=pinned.get((claim.number, claim.reading)))
        proof = prove_claim(claim, ruling) if proofs and claim.relation else None
        yield entry(claim, ruling, proof)


def entry(claim: Claim, ruling: Ruling, proof: Proof | None) -> Entry:
    """Return one row as plain data."""
    about, statement = STATEMENTS[claim.number]
    return {
        "schema": SCHEMA,
        "number": claim.number,
        "about": about,
        "statement": statement,
        "reading": claim.reading,
        "star": claim.star,
        "verdict": ruling.verdict,
        "condition": ruling.condition,
        "counterexample": ruling.counterexample.plain() if ruling.counterexample else None,
        "evidence": evidence(claim, ruling, proof),
        "proof": _plain(proof),
        "relation": claim.relation,
        "examples": ruling.examples,
        "corrected": claim.corrected,
        "note": claim.note,
    }


_PROVED = {
    Equal: "both sides have the same monomials, each once",
    Gradient: "the claimed monomials are those of the derivative, each once",
    Single: "this term is there, at the border too, and all others are zero",
}


def evidence(claim: Claim, ruling: Ruling, proof: Proof | None) -> str:
    """Say what a verdict rests on."""
    drawn = f"exact on {ruling.examples} drawn cases" if ruling.examples else ""
    refuted = "refuted by the smallest case" if ruling.counterexample else ""
    unproved = "" if claim.relation or claim.definition else "no index relation"
    return "; ".join(part for part in (_said(claim, proof) or unproved, refuted, drawn, claim.note) if part)


def _said(claim: Claim, proof: Proof | None) -> str:
    if proof is None or claim.relation is None:
        return ""
    if proof.outcome == "proved":
        return f"proved for every shape: {_PROVED[type(RELATIONS[claim.relation])]}"
    if proof.outcome == "condition proved":
        return "proved for every shape: true under the condition, broken without it"
    return f"solver: {proof.outcome}"


def prove_claim(claim: Claim, ruling: Ruling | None = None) -> Proof | None:
    """Decide a claim's relation by the solver: as it stands, then under its condition, and replay what refutes it."""
    if claim.relation is None:
        return None
    relation = RELATIONS[claim.relation]
    plain = prove(relation)
    if all(one.outcome == "proved" for one in plain):
        return Proof("proved", plain)
    if any(one.outcome == "undecided" for one in plain):
        return Proof("undecided", plain)
    refuting = [one for one in plain if one.outcome == "refuted"]
    if not all(difference(claim, model_case(relation, one)) for one in refuting):
        return Proof("a model of the relation is no counterexample of the transcription", plain)
    return _conditional(relation, plain, ruling)


def _conditional(relation: Relation, plain: tuple[Obligation, ...], ruling: Ruling | None) -> Proof:
    under = prove_condition(relation) if isinstance(relation, Equal) else ()
    both = (*plain, *under)
    if not under or any(one.outcome != "proved" for one in under):
        return Proof("refuted", both)
    sentence = condition_of(relation)
    if ruling is not None and not str(ruling.condition).startswith(sentence):
        return Proof(f"the relation holds under {sentence!r}, the trials under {ruling.condition!r}", both)
    return Proof("condition proved", both)


def condition_of(relation: Relation) -> str:
    """Return how the vocabulary of conditions begins the condition of a relation."""
    if not isinstance(relation, Equal) or relation.condition is None:
        return ""
    if relation.condition.endswith("turned"):
        name = relation.left.names[relation.condition.startswith("second")]
        return f"{name} is its own rotation by 180°"
    return _CONDITIONS.get(relation.condition, "w is zero but for w(0, 0)")


def model_case(relation: Relation, refuting: Obligation) -> Case:
    """Return the case of a solver's model: one axis as the model says, the other of size 1, a 1 at the monomial."""
    if not isinstance(relation, Equal):
        raise ValueError("only the claims of equality have models to replay")
    model = refuting.model
    size, k, at, t = model["H"], model["k"], model.get("at", 0), model.get("t", 0)
    one = relation.right if " of the right" in refuting.name or "on the right is" in refuting.name else relation.left
    z = Axis(size, k, tap=model.get("tap", 0))
    units = {
        _OPERAND[name]: (place, 0)
        for name, place in zip(one.names, one.places(z, at, t), strict=True)
        if 0 <= place < z.extent(name)
    }
    return small_case({"image": (size, 1), "kernel": (k, 1)}, units)


def _plain(proof: Proof | None) -> dict[str, Any] | None:
    return asdict(proof) if proof else None


def beyond() -> list[Entry]:
    """Prove what goes beyond the article: any stride, dilation and padding, average pooling, output sizes."""
    rows = [(name, prove(relation, free=True)) for name, relation in BEYOND.items()]
    rows += [(name, (decide(name, query, free=True),)) for name, query in SIZES.items()]
    return [{"claim": name, "obligations": [asdict(one) for one in found]} for name, found in rows]
