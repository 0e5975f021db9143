"""Fail where a page of a built site loads something from elsewhere: `self_contained.py FOLDER`."""

import re
import sys
from pathlib import Path

# What a browser fetches by itself; a link that a reader may follow is not among it.
LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc=["'](?P<src>(?:https?:)?//[^"']+)"""
    r"""|<link\b(?![^>]*rel=["'](?:canonical|next|prev|search|index|author)["'])[^>]*\bhref=["'](?P<href>(?:https?:)?//[^"']+)"""
    r"""|@import\s+(?:url\()?["'](?P<imported>(?:https?:)?//[^"')]+)"""
    r"""|url\(\s*["']?(?P<url>(?:https?:)?//[^"')]+)""",
    re.IGNORECASE,
)


def loaded(page: Path) -> list[str]:
    """Return the addresses that a page or style sheet loads."""
    text = page.read_text(encoding="utf-8", errors="replace")
    return [next(filter(None, match.groups())) for match in LOADED.finditer(text)]


if __name__ == "__main__":
    pages = [path for path in Path(sys.argv[1]).rglob("*") if path.suffix in {".html", ".css", ".svg"}]
    found = [f"{page}: loads {address}" for page in pages for address in loaded(page)]
    print("\n".join(found) or f"{len(pages)} pages and style sheets load nothing from elsewhere")
    sys.exit(bool(found) or not pages)
