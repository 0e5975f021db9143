r"""The LaTeX of the article's equations, read into a tree and written as MathML, or as one line of text.

>>> unicode_line(r"\frac{\partial E}{\partial w_{m',n'}^l} = \sum_{i=0}^{H-k_1} \delta_i")
"∂E/∂wˡ[m',n'] = Σ_{i=0..H-k₁} δ[i]"
"""

import html
import re
from dataclasses import dataclass

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|[0-9]+|\s+|.")
_SYMBOLS = {
    r"\sum": "∑", r"\partial": "∂", r"\delta": "δ", r"\otimes": "⊗", r"\cdot": "·", r"\dots": "…", r"\in": "∈",
    r"\{": "{", r"\}": "}", r"\le": "≤", r"\circ": "°", r"\max": "max", r"\min": "min", r"\quad": " ", "*": "*",
}  # fmt: skip
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_SUPERSCRIPTS = str.maketrans("0123456789+-l°", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ˡ°")
_ASCII = {
    "δ": "delta", "∂": "d", "Σ": "sum", "⊗": "(x)", "∈": " in ", "≤": "<=", "·": ".", "…": "...",
    **{character: str(digit) for digit, character in enumerate("₀₁₂₃₄₅₆₇₈₉")},
}  # fmt: skip
_SPACED = {"=": " = ", "+": " + ", "*": " * ", "⊗": " ⊗ ", "∈": " ∈ ", "≤": " ≤ ", "·": " · ", "∑": " Σ", ",": ", "}
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ˡ]+")
_OPERATORS = set("=+-*⊗·∈≤(){},…∑") | {"max", "min"}


@dataclass(frozen=True)
class Node:
    """A piece of a formula: `kind` is symbol, text, row, fraction or scripts (base, below, above)."""

    kind: str
    text: str = ""
    parts: tuple["Node", ...] = ()


def parse(source: str) -> Node:
    """Read a formula; only the commands that the equations use are known."""
    tokens = [token for token in _TOKEN.findall(source) if not token.isspace()]
    row, rest = _row(tokens)
    if rest:
        raise ValueError(f"unbalanced braces before {' '.join(rest)!r}")
    return row


def _row(tokens: list[str]) -> tuple[Node, list[str]]:
    parts: list[Node] = []
    while tokens and tokens[0] != "}":
        if tokens[0] in "_^":
            parts[-1], tokens = _scripts(parts[-1], tokens)
        elif tokens[0] in (r"\left", r"\right"):
            tokens = tokens[1:]
        else:
            part, tokens = _atom(tokens)
            parts.append(part)
    return Node("row", parts=tuple(parts)), tokens


def _atom(tokens: list[str]) -> tuple[Node, list[str]]:
    head, tokens = tokens[0], tokens[1:]
    if head == "{":
        row, tokens = _row(tokens)
        return row, tokens[1:]
    if head == r"\frac":
        above, tokens = _atom(tokens)
        below, tokens = _atom(tokens)
        return Node("fraction", parts=(above, below)), tokens
    if head == r"\text":
        row, tokens = _atom(tokens)
        return Node("text", "".join(part.text for part in row.parts)), tokens
    if head.startswith("\\") and head not in _SYMBOLS:
        raise ValueError(f"no such command here: {head}")
    return Node("symbol", _SYMBOLS.get(head, head)), tokens


def _scripts(base: Node, tokens: list[str]) -> tuple[Node, list[str]]:
    found = {"_": Node("row"), "^": Node("row")}
    while tokens and tokens[0] in "_^":
        mark = tokens[0]
        found[mark], tokens = _atom(tokens[1:])
    return Node("scripts", parts=(base, found["_"], found["^"])), tokens


def mathml(source: str) -> str:
    """Return a `math` element, as a block, with the LaTeX as its annotation."""
    note = f'<annotation encoding="application/x-tex">{html.escape(source)}</annotation>'
    return f'<math display="block"><semantics>{_markup(parse(source))}{note}</semantics></math>'


def _markup(node: Node) -> str:
    inner = [_markup(part) for part in node.parts]
    match node.kind:
        case "symbol":
            tag = "mn" if node.text.isdigit() else "mo" if node.text in _OPERATORS else "mi"
            written = f"<{tag}>{html.escape(node.text)}</{tag}>"
        case "text":
            written = f"<mtext>{html.escape(node.text)}</mtext>"
        case "fraction":
            written = f"<mfrac>{''.join(inner)}</mfrac>"
        case "row":
            written = f"<mrow>{''.join(inner)}</mrow>"
        case _:
            names = ("munder", "mover", "munderover") if node.parts[0].text == "∑" else ("msub", "msup", "msubsup")
            name = names[2] if all(map(_filled, node.parts[1:])) else names[not _filled(node.parts[1])]
            given = [inner[0], *(text for part, text in zip(node.parts[1:], inner[1:], strict=True) if _filled(part))]
            written = f"<{name}>{''.join(given)}</{name}>"
    return written


def _filled(node: Node) -> bool:
    return bool(node.parts or node.text)


def unicode_line(source: str) -> str:
    """Return the formula in one line of characters: a sum's range reads {m=0..k₁-1}, an index δ[i,j]."""
    apart = re.sub(r"(?<=[]ˡ¹}])(?=[a-zδ∂(])", " ", _line(parse(source)))
    return re.sub(r"\s+", " ", apart).replace(" ,", ",").replace("( ", "(").strip()


def ascii_line(source: str) -> str:
    r"""Return the same in ASCII.

    >>> ascii_line(r"\delta^{l+1}_{i,j} \otimes w_1")
    'delta^(l+1)[i,j] (x) w1'
    """
    return re.sub(" +", " ", ascii_text(unicode_line(source)))


def ascii_text(text: str) -> str:
    """Write the signs of a formula, in any text, in ASCII."""
    plain = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ˡ", "0123456789+-l")
    lowered = _RAISED.sub(lambda found: _power(found[0].translate(plain)), text)
    return "".join(_ASCII.get(character, character) for character in lowered)


def _power(raised: str) -> str:
    return f"^{raised}" if len(raised) == 1 else f"^({raised})"


def _line(node: Node) -> str:
    match node.kind:
        case "symbol":
            line = _SPACED.get(node.text, node.text)
        case "text":
            line = f" {node.text}"
        case "fraction":
            above, below = (_line(part).strip() for part in node.parts)
            line = f" {above}/{f'({below})' if ' ' in below else below} "
        case "row":
            line = "".join(map(_line, node.parts))
        case _:
            line = _scripts_in_line(*(_line(part).replace(" ", "") for part in node.parts))
    return line


def _scripts_in_line(base: str, below: str, above: str) -> str:
    if base == "rot":
        return " rot180"
    if base == "Σ":
        return f" Σ_{{{below}{'..' + above if above else ''}}} "
    raised = above.translate(_SUPERSCRIPTS)
    if below.isdigit():
        return base + below.translate(_SUBSCRIPTS) + raised
    return base + raised + (f"[{below}]" if below else "")
