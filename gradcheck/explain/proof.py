"""What a hypothesis hands in when it holds: the class of the mistake, what to say of it, and how closely it agrees."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from gradcheck.explain.matrix import Truth
from gradcheck.explain.scene import Scene
from gradcheck.subject import Array


@dataclass(frozen=True)
class Proof:
    """A mistake that explains the claim: its `code`, a sentence, the largest discrepancy left, and the repair.

    `also` are codes of mistakes that mean the same gradient wherever they apply; `key` names the hypothesis with its
    parameters, so that it can be asked again on other shapes.
    """

    code: str
    sentence: str
    bars: float
    key: str
    repair: str = ""
    equation: str = ""
    also: tuple[str, ...] = ()
    tested: str = ""

    @property
    def composed(self) -> bool:
        """Whether two changes are needed; a single one that explains as much goes before."""
        return ", " in self.key


@dataclass(frozen=True)
class Case:
    """What a family of hypotheses looks at: the scene, and the measured and claimed matrices where they are known."""

    scene: Scene
    truth: Truth | None = None


Family = Callable[[Case], Iterator[Proof]]


def prove(
    scene: Scene, proof: Proof, *, claims: Array | None = None, cotangents: Array | None = None
) -> Iterator[Proof]:
    """Yield the proof with its discrepancy where the identity holds with these claims and cotangents."""
    worst = scene.passes(claims, cotangents)
    if worst is not None:
        yield replace(proof, bars=worst)


def listed(indices: list[int] | tuple[int, ...]) -> str:
    """Write indices as "axis 2" or "axes 2 and 3"."""
    words = [str(i) for i in indices]
    return f"axis {words[0]}" if len(words) == 1 else f"axes {', '.join(words[:-1])} and {words[-1]}"
