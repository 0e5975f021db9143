"""Layers checked inside a test: what the fixture and the marker do."""

import inspect
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from gradcheck import examine
from gradcheck.errors import GradcheckError, GradientMismatch, InconclusiveCheck, did_you_mean
from gradcheck.pytest_plugin import SEED, seed_of
from gradcheck.pytest_plugin.reports import MISUSED, keep, one_line
from gradcheck.verdict import Verdict

if TYPE_CHECKING:
    from gradcheck.report.record import Report


class Checker:
    """Checks layers in a test: the value of the fixture `gradcheck`.

    Calling it takes what `gradcheck.assert_agrees` takes, returns the report, and seeds the check from the run's seed
    and the test's id. With `allow_inconclusive=True` the test is skipped where the check is inconclusive.
    """

    def __init__(self, item: Any) -> None:
        self._item = item

    @property
    def seed(self) -> int:
        """The seed of this test."""
        return seed_of(self._item)

    def __call__(self, layer: Any, inputs: Any = None, *, allow_inconclusive: bool = False, **options: Any) -> "Report":
        """Check a layer, keep the report, and fail or skip the test unless it agrees."""
        report = self.check(layer, inputs, **options)
        if report.verdict is Verdict.DISAGREES:
            raise GradientMismatch(report)
        if report.verdict is Verdict.INCONCLUSIVE:
            if not (allow_inconclusive or self._item.config.option.gradcheck_allow_inconclusive):
                raise InconclusiveCheck(report)
            pytest.skip(one_line(report))
        return report

    def check(self, layer: Any, inputs: Any = None, **options: Any) -> "Report":
        """Check a layer and keep the report, whatever it says."""
        item = self._item
        replay = f"pytest {shlex.quote(item.nodeid)} --gradcheck-seed {item.config.stash[SEED]}"
        given = {"seed": self.seed, "name": item.name, "replay": replay, **options}
        try:
            report = examine.check(layer, inputs, **given)
        except GradcheckError as err:
            item.stash[MISUSED] = err
            raise
        keep(item, report)
        return report


def marked_options(item: pytest.Function) -> dict[str, Any]:
    """Merge the options of the markers, the nearest last."""
    known = [*list(inspect.signature(examine.check).parameters)[1:], "allow_inconclusive"]
    options: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("gradcheck"))):
        if marker.args:
            pytest.fail("@pytest.mark.gradcheck must have its options by name, for instance inputs=...", pytrace=False)
        options |= marker.kwargs
    for name in options:
        if name not in known:
            near = did_you_mean(name, known) or f"; it takes {', '.join(known)}."
            pytest.fail(f"@pytest.mark.gradcheck must have known options; there is no `{name}`{near}", pytrace=False)
    return options


def layer_and_inputs(returned: Any, inputs: Any, name: str) -> tuple[Any, Any]:
    """Tell what a marked test returned: a layer, or one with its inputs; a pair of functions is a layer."""
    if returned is None:
        pytest.fail(
            f"a test marked with @pytest.mark.gradcheck must return a layer, or (layer, inputs); {name} returned None.",
            pytrace=False,
        )
    if isinstance(returned, tuple) and len(returned) == 2 and not callable(returned[1]):
        return returned
    return returned, inputs
