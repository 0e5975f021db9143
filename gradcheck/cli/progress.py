"""A progress bar on stderr that says what is being worked on; none where stderr is no terminal."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

_ROOM = 36  # columns for what is being worked on, beside the bar and the counts


@contextmanager
def progress(labels: Sequence[str]) -> Iterator[Callable[[int], None]]:
    """Give a function to call with the number of each task that is done; the first that is not done is shown."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    waiting = dict(enumerate(labels))
    with click.progressbar(
        length=len(labels), file=sys.stderr, width=20, show_pos=True, item_show_func=lambda item: item
    ) as bar:

        def done(number: int) -> None:
            waiting.pop(number, None)
            bar.update(1, _short(next(iter(waiting.values()), "")))

        bar.update(0, _short(next(iter(labels), "")))
        bar.render_progress()
        yield done


def _short(label: str) -> str:
    kept = label if len(label) <= _ROOM else f"...{label[3 - _ROOM :]}"
    return "".join(character if character.isprintable() else "?" for character in kept)
