"""`nox` runs what CI runs; `nox -s lint` one step of it. The steps themselves are written once, in .ci/run."""

import nox

nox.options.sessions = ["ci"]

STEPS = (
    "lint",
    "types",
    "contracts",
    "doctests",
    "docs",
    "job",
    "browser",
    "tests",
    "slow",
    "frameworks",
    "conform",
    "package",
    "lowest",
)


@nox.session(venv_backend="none")
def ci(session: nox.Session) -> None:
    """Run everything that must hold before a change lands."""
    session.run("bash", ".ci/run", external=True)


def _define(step: str) -> None:
    @nox.session(name=step, venv_backend="none")
    def run_step(session: nox.Session) -> None:
        session.run("bash", ".ci/run", step, external=True)


for _step in STEPS:
    _define(_step)
