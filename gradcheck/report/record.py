"""The Report: everything a check found out, as plain data, and the entry of a target that could not be checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from gradcheck.report import plain
from gradcheck.verdict import Argument, Damage, Evaluations, Finding, Severity, Verdict


@dataclass(frozen=True, eq=False)
class Report:
    """The result of one check: a verdict, what it rests on, and the line that replays it.

    Every field is made plain when the record is built: numbers become Python's own, lists become tuples. It holds
    no layer and no array, so that it survives JSON and renders the same afterwards.

    Parameters
    ----------
    target : str
        What was checked, as the caller named it.
    convention : str
        How the layer was read, for instance "cached pair"; empty where there was nothing to tell.
    verdict : Verdict
        The answer.
    reason : str or None
        The code of the reason, where the verdict is INCONCLUSIVE.
    sentence : str
        What the first line says after the target; composed from the other fields where it is empty.
    vacuous : bool
        Whether forward never responded and nothing was claimed, so that AGREES says little.
    arguments : mapping of str to Argument
        The result for each differentiated argument, in the caller's order.
    findings : tuple of Finding
        What the contract checks observed.
    evaluations : Evaluations
        Forward and backward calls used.
    seed, effort, dtype : int, str, str
        What the check ran with.
    points : tuple of str
        The points tried, described.
    replay : str
        A command or a call that runs the very same check again.
    warnings, notes : tuple of str
        What NumPy warned about inside the layer; what else is worth knowing.
    proof : tuple of Damage
        Deliberate damages and whether this check caught them (`prove=True`).
    exact : str
        What the exact tier showed, with its bounds; empty where it does not apply.
    witness : str
        A runnable snippet with the smallest input that shows the fault.
    version : str
        The version of gradcheck that made the report.
    printed : str
        What the layer printed while it was checked.
    seconds : float or None
        How long the check took.
    waived : str
        Why the project lets this disagreement stand; empty where it does not.

    See Also
    --------
    Failure : the entry of a target that could not be checked at all.
    """

    target: str
    convention: str
    verdict: Verdict
    reason: str | None
    sentence: str
    vacuous: bool = False
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    evaluations: Evaluations = field(default_factory=Evaluations)
    seed: int = 0
    effort: str = "normal"
    dtype: str = ""
    points: tuple[str, ...] = ()
    replay: str = ""
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    proof: tuple[Damage, ...] = ()
    exact: str = ""
    witness: str = ""
    version: str = ""
    printed: str = ""
    seconds: float | None = None
    waived: str = ""

    def __post_init__(self) -> None:
        for one in fields(self):
            object.__setattr__(self, one.name, plain.load(one.type, getattr(self, one.name)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Report) and bool(plain.dump(self) == plain.dump(other))

    def __hash__(self) -> int:
        return hash((self.target, self.verdict, self.sentence, self.seed, self.replay))

    def __str__(self) -> str:
        return self.text()

    @property
    def has_error(self) -> bool:
        """Whether a finding is an error; beside AGREES it says that the layer is not what it is held to."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    def text(self, width: int = 80, color: bool = False, unicode: bool = True) -> str:
        """Render for a terminal of `width` columns, with ANSI colours and characters beyond ASCII where asked for."""
        from gradcheck.report.as_text import render

        return render(self, width=width, color=color, unicode=unicode)

    def to_json(self) -> str:
        """Render as a JSON document with this one result (schema gradcheck/report/1)."""
        from gradcheck.report.as_json import documents

        return documents([self], self.version)

    @classmethod
    def from_json(cls, text: str) -> "Report":
        """Read a document that holds exactly one report.

        Raises
        ------
        InvalidInput
            If the text is no such document, or of a schema that this version does not know.
        """
        from gradcheck.report.as_json import read_report

        return read_report(text)

    def to_html(self) -> str:
        """Render as one self-contained HTML page."""
        from gradcheck.report.as_html import documents

        return documents([self], self.version)

    def _repr_html_(self) -> str:
        """Render for a notebook: the card of the page, with its own style."""
        from gradcheck.report.as_html import fragment

        return fragment(self)

    def to_junit(self) -> str:
        """Render as a JUnit XML document with one test case."""
        from gradcheck.report.as_junit import documents

        return documents([self], self.version)

    def plot(self) -> Any:
        """Draw the failing argument as a matplotlib Figure (extra `plot`): claimed, measured, difference, step curve.

        Raises
        ------
        MissingExtra
            If matplotlib is not installed.
        """
        from gradcheck.report.figures import draw

        return draw(self)


@dataclass(frozen=True)
class Failure:
    """The entry of a target that could not be checked.

    `kind` is "load", "raised", "crashed", "timeout", "memory", "rejected" (the layer refused this configuration),
    "healed" (a waiver covers nothing any more) or "usage"; `stage` says where it happened; `traceback` is trimmed to
    the layer's own frames.
    """

    target: str
    kind: str
    sentence: str
    traceback: str = ""
    stage: str = ""
    printed: str = ""


Result = Report | Failure
