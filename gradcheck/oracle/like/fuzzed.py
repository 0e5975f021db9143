"""The cases of a target that is held to a kind: sizes and hyperparameters of settings, each drawn by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gradcheck.errors import InvalidInput
from gradcheck.oracle.like.form import fitted
from gradcheck.oracle.like.matching import match
from gradcheck.oracle.like.performing import kind_of, report_of
from gradcheck.oracle.like.search import Found, find_form
from gradcheck.oracle.like.setting import Setting, changed
from gradcheck.oracle.like.sweeping import NOT_TAKEN, REJECTED, compare_setting, try_setting
from gradcheck.oracle.like.telling import mapping_lines
from gradcheck.oracle.like.trial import Bench
from gradcheck.report.record import Result
from gradcheck.runner.describing import describe
from gradcheck.runner.job import Job

# What is drawn for each field of a setting, the plainest first.
_COUNTS: Mapping[str, tuple[int, ...]] = {"batch": (1, 2, 3), "channels": (1, 2, 3, 4), "filters": (1, 2, 3, 4)}
_SIZES: Mapping[str, tuple[int, ...]] = {
    "size": (1, 2, 3, 4, 5, 6, 7, 8), "kernel": (1, 2, 3, 4), "stride": (1, 2, 3), "padding": (0, 1, 2),
    "dilation": (1, 2, 3),
}  # fmt: skip
_GROUPS = (1, 2, 3)


@dataclass(frozen=True)
class LikeSpace:
    """A target with its reading, and the axes along which settings are drawn: `size 0`, `size 1`, `stride`, ..."""

    bench: Bench
    found: Found
    axes: Mapping[str, Any]

    @classmethod
    def of(cls, job: Job, loaded: tuple[Any, ...]) -> "LikeSpace":
        """Find out how the target is to be called."""
        kind = kind_of(job)
        bench = Bench(replace(job, args={}), loaded, kind, match(kind, describe(loaded), job.args))
        found = find_form(bench)
        return cls(bench, found, {**_axes(bench, found), "seed": range(100)})

    @property
    def convention(self) -> str:
        """How the target was read, for the report."""
        return "; ".join(mapping_lines(self.bench, self.found))

    def outcome(self, case: Mapping[str, Any]) -> str:
        """Try a case and say what came of it."""
        setting = self._setting(case)
        if setting is None:
            return REJECTED
        outcome = try_setting(self._at(case), self.found.form, setting).outcome
        return REJECTED if outcome == NOT_TAKEN else outcome

    def told(self, case: Mapping[str, Any], tally: str, replay: str) -> Result:
        """Report a failing case in full."""
        setting = self._setting(case)
        if setting is None:
            raise InvalidInput(f"the case {dict(case)} does not fit the layer.")
        tried = try_setting(self._at(case), self.found.form, setting)
        notes = (mapping_lines(self.bench, self.found), (tally,))
        return report_of(self._at(case).job, self._at(case), tried, notes, replay=replay)

    def _at(self, case: Mapping[str, Any]) -> Bench:
        return replace(self.bench, job=replace(self.bench.job, seed=int(case.get("seed", 0))))

    def _setting(self, case: Mapping[str, Any]) -> Setting | None:
        """Return the setting of a case, or None where it is none that the target can be given."""
        plain = self.found.setting
        axes = len(plain.size)
        fields: dict[str, Any] = {name: case[name] for name in (*_COUNTS, "groups") if name in case}
        for name in _SIZES:
            if name in case:
                fields[name] = (case[name],) * axes
            elif f"{name} 0" in case:
                fields[name] = tuple(case[f"{name} {axis}"] for axis in range(axes))
        setting = changed(changed(plain, {**fields, "why": ""}), self.bench.matched.settled)
        return fitted(self.bench.kind, self.bench.matched, self.found.form, setting)


def _takes_uneven_kernels(bench: Bench, found: Found) -> bool:
    kernel = found.setting.kernel
    if len(kernel) < 2 or "kernel" not in bench.matched.roles:
        return False
    setting = changed(found.setting, {"kernel": (*kernel[:-1], max(1, kernel[-1] - 1))})
    return compare_setting(bench, found.form, setting).outcome != NOT_TAKEN


def _axes(bench: Bench, found: Found) -> dict[str, Any]:
    """Return what can be drawn: sizes always, the rest where the target takes it."""
    plain, roles, form = bench.kind.settings[0], bench.matched.roles, found.form
    given, layout = "weight" in bench.matched.arrays.values(), form.layouts["input"]
    axes: dict[str, Any] = {}
    for name, values in _COUNTS.items():
        missing = {"batch": "N", "channels": "C"}.get(name)
        used = (name != "filters" or "O" in bench.kind.output) and (missing is None or missing in layout)
        axes[name] = values if used else (getattr(found.setting, name),)
    uneven = given or form.tuples or _takes_uneven_kernels(bench, found)
    for name, values in _SIZES.items():
        if not getattr(plain, name):
            continue
        if name == "size":
            apart = set(bench.kind.spatial) & set(layout)
            axes |= {f"size {axis}": values if apart else (1,) for axis in range(len(plain.size))}
        elif name == "kernel" and (given or name in roles) and uneven:
            axes |= {f"kernel {axis}": values for axis in range(len(plain.size))}
        elif name in roles or (name == "kernel" and given):
            axes[name] = values
    if "groups" in roles:
        axes["groups"] = _GROUPS
    return axes
