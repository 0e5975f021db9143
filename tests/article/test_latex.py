"""The equations' LaTeX as one line of text and as MathML."""

import xml.etree.ElementTree as ElementTree

import pytest

from gradcheck.article.equations import EQUATIONS
from gradcheck.article.latex import ascii_line, mathml, parse, unicode_line
from gradcheck.article.ledger import CLAIMS
from gradcheck.article.prose import SENTENCES

FORMULAS = [
    *(one.statement for one in EQUATIONS),
    *(one.statement for one in SENTENCES),
    *(one.corrected for one in CLAIMS if one.corrected),
]


@pytest.mark.parametrize(
    ("source", "line", "plain"),
    [
        (r"\delta_{i,j}^{l+1}", "δˡ⁺¹[i,j]", "delta^(l+1)[i,j]"),
        (r"\sum_{m=0}^{k_1-1} w_m", "Σ_{m=0..k₁-1} w[m]", "sum_{m=0..k1-1} w[m]"),
        (r"\frac{\partial E}{\partial x}", "∂E/∂x", "dE/dx"),
        (r"\text{rot}_{180^\circ} \{w\} * o", "rot180{w} * o", "rot180{w} * o"),
        (r"f' \left( x^2 \right)", "f'(x²)", "f'(x^2)"),
        (r"I \otimes K", "I ⊗ K", "I (x) K"),
        (r"\frac{1}{N \cdot N}", "1/(N · N)", "1/(N . N)"),
    ],
)
def test_a_formula_is_one_line_in_unicode_and_in_ascii(source, line, plain):
    assert (unicode_line(source), ascii_line(source)) == (line, plain)


@pytest.mark.parametrize("source", FORMULAS, ids=range(len(FORMULAS)))
def test_every_formula_of_the_ledger_can_be_written(source):
    assert ascii_line(source).isascii()
    assert "\\" not in unicode_line(source)
    root = ElementTree.fromstring(mathml(source))
    assert root.tag == "math"
    assert root.find(".//annotation").text == source
    for element in root.iter():
        needed = {"mfrac": 2, "msub": 2, "msup": 2, "munder": 2, "msubsup": 3, "munderover": 3}.get(element.tag)
        assert needed is None or len(element) == needed


def test_an_unknown_command_or_a_stray_brace_is_refused():
    with pytest.raises(ValueError, match=r"no such command here: \\alpha"):
        parse(r"\alpha")
    with pytest.raises(ValueError, match="unbalanced braces"):
        parse("a}b")
