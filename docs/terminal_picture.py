"""Draw the terminal of a failing check, as README shows it: `python docs/terminal_picture.py` writes docs/pictures/.

Rich turns what a colour terminal shows into SVG; the font is the reader's own, so that nothing is loaded.
"""

import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import readme_samples as samples  # noqa: E402 - its folder is put on the path just above

import gradcheck  # noqa: E402 - as below

PICTURE = HERE / "pictures" / "wrong_convolution.svg"
LINE = "gradcheck check examples/convolution.py:WrongConv --input x=1,1,5,6 --input w=1,1,3,2"
WIDTH, LINES = 88, 30
FORMAT = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>A failing check</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}</defs>
<rect width="{width}" height="{height}" rx="8" fill="#272822"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g></g></svg>
"""


def printed() -> str:
    """Return what the command shows on a terminal with colours, as far as the picture reaches."""
    with tempfile.TemporaryDirectory() as folder:
        samples.set_desk(Path(folder))
        done = samples.run_line(f"{LINE} --json", Path(folder))
    shown = gradcheck.Report.from_json(done.stdout).text(width=80, color=True)
    return "\n".join([f"$ {LINE}", *shown.splitlines()[:LINES]])


def drawn(text: str) -> str:
    """Return the terminal as SVG."""
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w", encoding="utf-8"), force_terminal=True)  # noqa: SIM115 - closed with the process
    console.print(Text.from_ansi(text), soft_wrap=False)
    return console.export_svg(
        title="gradcheck check", theme=MONOKAI, code_format=FORMAT, unique_id="gradcheck", font_aspect_ratio=0.61
    )


if __name__ == "__main__":
    PICTURE.write_text("\n".join(line.rstrip() for line in drawn(printed()).splitlines()) + "\n", encoding="utf-8")
