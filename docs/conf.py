"""The documentation site: `sphinx-build -W docs docs/_build`; it needs no network, and neither do its pages."""

import re
import sys
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "gradcheck"
author = "The gradcheck maintainers"
project_copyright = "The gradcheck maintainers; MIT licence"
release = version = installed("gradcheck")

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "known"]
html_theme = "furo"
html_title = f"gradcheck {release}"
html_extra_path = ["article.html"]
html_static_path = ["pictures"]
html_copy_source = html_show_sphinx = False
html_math_renderer = "mathml"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
default_role = "code"
autodoc_typehints = "none"  # numpydoc's sections say it
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
# Pages link to files of the repository, which are no pages of the site.
suppress_warnings = ["myst.xref_missing"]


LITERAL = re.compile(r"(`[^`]*`)")  # what stands in backticks is taken as it is
SIGNS = re.compile(r"[|*]")  # |x| and a * b are formulas in our docstrings, and no markup


def _escape_formulas(_app: Any, _what: str, _name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    in_example, block = False, None  # the indentation of the paragraph that opened a literal block with ::
    for number, line in enumerate(lines):
        in_example = line.lstrip().startswith(">>>") or (in_example and bool(line.strip()))
        depth = len(line) - len(line.lstrip())
        if block is not None and line.strip() and depth <= block:
            block = None
        if not in_example and block is None:
            parts = LITERAL.split(line)
            lines[number] = "".join(p if p.startswith("`") else SIGNS.sub(r"\\\g<0>", p) for p in parts)
            block = depth if line.rstrip().endswith("::") else None


def _visit_math(self: Any, node: Any) -> None:
    from docutils.nodes import SkipNode

    from gradcheck.article.latex import mathml

    self.body.append(mathml(node.astext()))
    raise SkipNode


def setup(app: Any) -> None:
    """Write formulas as MathML, by the converter of the article's own page: no script, no font from elsewhere."""
    app.connect("autodoc-process-docstring", _escape_formulas, priority=400)  # before numpydoc's own
    app.add_html_math_renderer("mathml", inline_renderers=(_visit_math, None), block_renderers=(_visit_math, None))
