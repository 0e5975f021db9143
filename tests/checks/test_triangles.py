"""Symmetric matrices of which forward reads one triangle, and what does not pass for them."""

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.verdict import Severity

B = np.random.default_rng(4).standard_normal((4, 4))
A = B @ B.T + np.eye(4)


def eigenvalues_backward(g, a):
    _, vectors = np.linalg.eigh(a)
    return vectors @ np.diag(g) @ vectors.T


def factor_backward(g, a):
    """Murray (2016), "Differentiation of the Cholesky decomposition", the symmetric form."""
    factor = np.linalg.cholesky(a)
    inner = np.tril(factor.T @ np.tril(g))
    inner[np.diag_indices(len(a))] /= 2
    inverse = np.linalg.inv(factor)
    whole = inverse.T @ inner @ inverse
    return (whole + whole.T) / 2


def upper(a):
    return np.linalg.eigvalsh(a, UPLO="U")


LAYERS = {
    "eigenvalues": (np.linalg.eigvalsh, eigenvalues_backward),
    "of the upper triangle": (upper, eigenvalues_backward),
    "a Cholesky factor": (np.linalg.cholesky, factor_backward),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_the_symmetric_gradient_agrees_and_that_is_told(layer, dtype):
    report = check(layer, {"a": A.astype(dtype)})
    assert report.verdict is Verdict.AGREES, str(report)
    assert ("one-triangle", Severity.NOTE) in [(f.code, f.severity) for f in report.findings]


@pytest.mark.parametrize(
    "backward",
    [
        lambda g, a: 1.01 * eigenvalues_backward(g, a),
        lambda g, a: eigenvalues_backward(g, a) + np.eye(4) * g.sum() * 1e-3,
        lambda g, a: eigenvalues_backward(g[::-1], a),
        lambda g, a: np.triu(eigenvalues_backward(g, a)),
        lambda g, a: eigenvalues_backward(g, a) + g.sum() * (np.triu(B) - np.triu(B).T),
    ],
    ids=["off by a hundredth", "trace added", "in another order", "the other triangle alone", "not symmetric"],
)
def test_a_wrong_one_disagrees(backward):
    assert check((np.linalg.eigvalsh, backward), {"a": A}).verdict is Verdict.DISAGREES


def test_a_gradient_of_the_triangle_that_is_read_agrees_entry_by_entry():
    def backward(g, a):
        whole = eigenvalues_backward(g, a)
        return np.tril(whole) + np.tril(whole, -1)

    report = check((np.linalg.eigvalsh, backward), {"a": A})
    assert report.verdict is Verdict.AGREES, str(report)
    assert "one-triangle" not in [f.code for f in report.findings]


def test_a_forward_that_reads_both_is_judged_entry_by_entry():
    report = check((lambda a: np.triu(a) * 2.0, lambda g, a: np.triu(g) + np.tril(g, -1).T), {"a": A})
    assert report.verdict is Verdict.DISAGREES
