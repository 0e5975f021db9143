"""The targets of `[tool.gradcheck]` as tests."""

from collections.abc import Iterable, Sequence
from contextlib import chdir
from dataclasses import replace
from pathlib import Path

import pytest

from gradcheck.errors import GradcheckError
from gradcheck.pytest_plugin import seed_of
from gradcheck.pytest_plugin.reports import TargetFailed, keep, one_line
from gradcheck.report.record import Failure
from gradcheck.runner.config import Config, configured, find_config
from gradcheck.runner.executor import run_jobs
from gradcheck.runner.job import Job
from gradcheck.runner.planning import labels
from gradcheck.runner.waivers import Waiver, waived
from gradcheck.verdict import Verdict


def project(config: pytest.Config) -> Config:
    """Read the configuration of the project that is tested.

    Raises
    ------
    UsageError
        There is none, or it cannot be read.
    """
    try:
        found = find_config(config.rootpath)
    except GradcheckError as err:
        raise pytest.UsageError(str(err)) from None
    if found is None or not found.targets:
        raise pytest.UsageError(
            f"--gradcheck must find [tool.gradcheck] with `targets` in a pyproject.toml of {config.rootpath} or above."
        )
    return found


class Targets(pytest.File):
    """The targets that a pyproject.toml lists."""

    def collect(self) -> Iterable[pytest.Item]:
        """Yield a test for each configuration of each target."""
        config = project(self.config)
        try:
            with chdir(config.folder):
                planned = configured(config)
        except GradcheckError as err:
            raise self.CollectError(str(err)) from None
        jobs = [job for one in planned for job in one.jobs]
        seeded = {name for name, settings in config.targets if "seed" in settings}
        for job, name in zip(jobs, labels(jobs), strict=True):
            item = Target.from_parent(self, name=name)
            item.prepare(job, config.waivers, own_seed=job.target in seeded)
            yield item


class Target(pytest.Item):
    """One configuration of a target, checked in a process of its own."""

    _job: Job
    _waivers: Sequence[Waiver]

    def prepare(self, job: Job, waivers: Sequence[Waiver], *, own_seed: bool) -> None:
        """Take the job, with the seed of this test unless the configuration sets one, and the project's waivers."""
        self._job = job if own_seed else replace(job, seed=seed_of(self))
        self._waivers = waivers

    def runtest(self) -> None:
        """Check the target and fail, skip or pass by what came of it."""
        with chdir(self.path.parent):
            (result,) = run_jobs([self._job])
        result = waived(replace(result, target=self.name), self._job.target, self._waivers)
        allowed = self._job.allow_inconclusive or self.config.option.gradcheck_allow_inconclusive
        keep(self, result)
        if isinstance(result, Failure):
            if result.kind == "rejected":
                pytest.skip(one_line(result))
            raise TargetFailed(result)
        if result.waived:
            pytest.xfail(result.waived)
        if result.verdict is Verdict.INCONCLUSIVE and allowed:
            pytest.skip(one_line(result))
        if result.verdict is not Verdict.AGREES:
            raise TargetFailed(result)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Say where the test stands."""
        return self.path, None, self.name
