"""Slopes at another point than the scene's, in the scene's own step."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.checks.outputs import Form
from gradcheck.explain.scene import Probes, Scene, stacked
from gradcheck.explain.slopes import slope
from gradcheck.subject import Array


def slopes_at(scene: Scene, inputs: Mapping[str, Any], tangents: Array, form: Form | None = None) -> Probes | None:
    """Measure the slopes at another point along rows of tangents; None where forward refuses it.

    With `form` the point is the transposed one, and so are the outputs.
    """
    place, known = replace(scene.gauge.place, wide=dict(inputs), form=form or scene.form), scene.gauge.relative_error
    if form is not None:
        known = known.reshape(scene.output_shape).T.ravel()
    gauge = replace(scene.gauge, place=place, relative_error=known)
    found = []
    for tangent in tangents:
        one = slope(scene.instrument, gauge, {scene.name: tangent.reshape(np.shape(inputs[scene.name]))}, scene.budget)
        if one is None:
            return None
        found.append(one)
    moved = stacked([s.tangents[scene.name].ravel() for s in found])
    return Probes(moved, stacked([s.value for s in found]), stacked([s.bar for s in found]))
