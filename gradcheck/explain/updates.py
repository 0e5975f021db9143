"""Hypotheses about updates done inside backward: the updated argument is returned, or used too early."""

from collections.abc import Iterator

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.explain.elsewhere import slopes_at
from gradcheck.explain.proof import Case, Proof, prove
from gradcheck.explain.scene import Scene, largest_bars

UPDATES = (1.0, 0.5, 0.1, 0.05, 0.01, 0.005, 0.001, 0.0005, 0.0001)  # learning rates


def updated(case: Case) -> Iterator[Proof]:
    """Propose that the argument after its own update is returned: value - rate x gradient."""
    scene = case.scene
    value = scene.value.ravel()
    first = scene.claims[:1] - value
    for rate in UPDATES:
        if not scene.may_pass(first / -rate, scene.cotangents):
            continue
        moved = scene.claims - value
        text = f"the updated argument is returned, `{scene.name}` minus {rate:g} times its gradient, not the gradient"
        yield from prove(scene, Proof("other", text, 0.0, f"update {rate}"), claims=moved / -rate)


def after_update(case: Case) -> Iterator[Proof]:
    """Propose that another argument is updated first, and this gradient computed with what it has become."""
    scene = case.scene
    for name, claims in scene.others.items():
        if not _feels(scene):
            return
        for rate in UPDATES:
            worst = 0.0
            for k in range(len(scene.cotangents)):
                moved = scene.place.wide[name] - rate * claims[k].reshape(np.shape(scene.place.wide[name]))
                probes = slopes_at(scene, {**scene.place.wide, name: moved}, scene.tangents[k : k + 1])
                if probes is None:
                    break
                g, c = scene.claims[k : k + 1], scene.cotangents[k : k + 1]
                worst = max(worst, largest_bars(g, c, probes, scene.slack))
                if worst > THRESHOLD:
                    break
            else:
                text = (
                    f"the gradient is taken after `{name}` was updated (minus {rate:g} times its own "
                    "gradient), not before"
                )
                yield Proof(
                    "other",
                    text,
                    worst,
                    f"after {name} {rate}",
                    also=("not-linear",),
                    repair="update when all gradients are known",
                )
                return


def _feels(scene: Scene) -> bool:
    """Tell whether backward is anything but linear in grad_output, as it is where it uses an update."""
    answer = scene.ask(2.0 * scene.cotangents[0])
    return answer is not None and bool(np.abs(answer - 2.0 * scene.claims[0]).max() > 1e-9 * np.abs(answer).max())
