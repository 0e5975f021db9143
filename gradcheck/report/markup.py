"""HTML and SVG as strings, with everything a user named escaped."""

import html
from collections.abc import Sequence

from gradcheck.report.paper import printable

_VOID = {"meta", "br", "line", "rect", "path", "circle", "polyline"}


def safe(text: str) -> str:
    """Escape one line of text for HTML and XML, its control characters made visible."""
    return html.escape(printable(text))


def safe_lines(text: str) -> str:
    """Escape text of several lines and keep the line ends."""
    return "\n".join(safe(line.expandtabs(4)) for line in text.splitlines())


def element(tag: str, /, *children: str, **attributes: str | float | None) -> str:
    """Write an element: children are markup already, attribute values are escaped, None leaves an attribute out.

    A trailing underscore of an attribute's name is dropped and others become hyphens, so that `class_` and
    `stroke_width` can be written.

    >>> element("p", safe("a < b"), class_="note")
    '<p class="note">a &lt; b</p>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{safe(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if tag in _VOID and not children:
        return f"<{tag}{written}/>"
    return f"<{tag}{written}>{''.join(children)}</{tag}>"


def table(titles: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Write a table of plain text that scrolls by itself where the window is narrow."""
    if not rows:
        return ""
    head = element("tr", *(element("th", safe(title), scope="col") for title in titles))
    body = [element("tr", *(element("td", safe(cell)) for cell in row)) for row in rows]
    return element("div", element("table", element("thead", head), element("tbody", *body)), class_="scroll")


def terms(pairs: list[tuple[str, str]]) -> str:
    """Write a list of terms and what is said of each; the saying is markup already, empty ones are left out."""
    written = [element("dt", safe(term)) + element("dd", said) for term, said in pairs if said]
    return element("dl", *written) if written else ""


def code(text: str) -> str:
    """Write code as it is."""
    return element("pre", element("code", safe_lines(text))) if text else ""


def _number(value: str | float | None) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
