"""The solver proves what is true, refutes what is planted, and owns up to what it does not decide."""

from dataclasses import replace

import pytest

from gradcheck.article import proof
from gradcheck.article.article_relations import RELATIONS
from gradcheck.article.beyond_relations import BEYOND, SIZES, STRIDED, STRIDED_BY_W, read
from gradcheck.article.claims import difference
from gradcheck.article.conditional_proof import prove_condition
from gradcheck.article.ledger import CLAIMS, condition_of, model_case, prove_claim
from gradcheck.article.proof import decide, prove
from gradcheck.article.relations import Equal
from gradcheck.errors import MissingExtra

pytest.importorskip("z3", reason="needs gradcheck[proof]")


def outcomes(obligations) -> set[str]:
    return {one.outcome for one in obligations}


@pytest.mark.parametrize("name", RELATIONS)
def test_relation_is_proved_or_its_condition_is(name):
    relation = RELATIONS[name]
    if isinstance(relation, Equal) and relation.condition:
        assert "refuted" in outcomes(prove(relation))
        assert outcomes(prove_condition(relation)) == {"proved"}
    else:
        assert outcomes(prove(relation)) == {"proved"}


@pytest.mark.parametrize("name", BEYOND)
def test_gradient_is_proved_for_any_stride_dilation_and_padding(name):
    assert outcomes(prove(BEYOND[name], free=True)) == {"proved"}


@pytest.mark.parametrize("name", SIZES)
def test_output_size_is_proved_with_its_floor(name):
    assert decide(name, SIZES[name], free=True).outcome == "proved"


@pytest.mark.parametrize(
    ("label", "second"),
    [
        ("the padding's sign", lambda z, m, i: i * z.stride + m * z.dilation + z.padding),
        ("an index off by one", lambda z, m, i: read(z, i, m) + 1),
        ("the dilation left out", lambda z, m, i: i * z.stride + m - z.padding),
        ("the stride left out", lambda z, m, i: i + m * z.dilation - z.padding),
        ("a kernel turned", lambda z, m, i: read(z, i, z.k - 1 - m)),
    ],
)
def test_refutes_a_planted_fault_in_the_gradient_of_w(label, second):
    relation = BEYOND["gradient of w: any stride, dilation, padding"]
    wrong = replace(relation, claimed=replace(STRIDED_BY_W, second=second))
    refuted = [one for one in prove(wrong, free=True) if one.outcome == "refuted"]
    assert refuted, label
    assert all(one.model["H"] >= 1 for one in refuted)


@pytest.mark.parametrize("shift", [1, -1])
def test_refutes_a_sum_that_ends_one_early_or_late(shift):
    relation = RELATIONS["Eq. 14, convolution"]
    wrong = replace(relation, right=replace(relation.right, high=lambda z, m: z.n - 1 + shift))
    assert "refuted" in outcomes(prove(wrong))


def test_refutes_forward_with_the_wrong_sign_of_the_padding():
    relation = BEYOND["gradient of o: any stride, dilation, padding"]
    wrong = replace(STRIDED, first=lambda z, i, m: i * z.stride + m * z.dilation + z.padding)
    assert "refuted" in outcomes(prove(replace(relation, forward=wrong), free=True))


@pytest.mark.parametrize("change", [0, 2])
def test_refutes_a_size_that_is_one_off(change):
    def query(symbols, z):
        premises, (conclusion,) = SIZES["relationship 4: full padding gives i + k - 1"](symbols, z)
        outputs = conclusion.arg(0)
        return premises, [outputs == z.size + z.k - change]

    assert decide("one off", query, free=True).outcome == "refuted"


def test_refutes_half_padding_for_even_kernels():
    def query(symbols, z):
        _, conclusions = SIZES["relationship 3: half padding keeps the size for odd k"](symbols, z)
        return [z.stride == 1, z.k == 2 * z.padding], conclusions

    assert decide("even k", query, free=True).outcome == "refuted"


@pytest.mark.parametrize("name", [name for name, one in RELATIONS.items() if isinstance(one, Equal) and one.condition])
def test_a_wrong_condition_is_not_proved(name):
    relation = RELATIONS[name]
    # An array of one entry is its own rotation: for all deltas at once, "delta turned" is H = k, for all w k = 1.
    of_w = "w" in condition_of(relation)[:1]
    other = "H = k" if of_w or relation.condition == "k = 1" else "k = 1"
    assert "refuted" in outcomes(prove_condition(replace(relation, condition=other)))


@pytest.mark.parametrize(
    "claim", [one for one in CLAIMS if one.relation and condition_of(RELATIONS[one.relation])], ids=lambda c: c.reading
)
def test_every_model_is_a_counterexample_of_the_transcription_too(claim):
    relation = RELATIONS[claim.relation]
    for one in prove(relation):
        if one.outcome == "refuted":
            assert one.model["H"] <= 2
            assert difference(claim, model_case(relation, one)) is not None


def test_a_time_out_is_undecided(monkeypatch):
    def hard(_, z):
        import z3

        a, b, c = z3.Ints("a b c")
        return [a > 1, b > 1, c > 1], [a**3 + b**3 + z.size != c**3 + 1000003 * a * b]

    assert decide("hard", hard, limit=1).outcome == "undecided"
    claim = next(one for one in CLAIMS if one.relation == "Eq. 13")
    real = proof.decide
    monkeypatch.setattr(
        proof, "decide", lambda name, query, free=False: replace(real(name, query), outcome="undecided")
    )
    assert prove_claim(claim).outcome == "undecided"


def test_without_the_solver_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "z3", None)
    with pytest.raises(MissingExtra, match=r"gradcheck\[proof\]"):
        proof.solver()
