"""Hypotheses about sums and several outputs: a mean for a sum, an output left out, two exchanged."""

from collections.abc import Iterator

import numpy as np

from gradcheck.explain.proof import Case, Proof, prove
from gradcheck.explain.upstream import adds_up, summed


def means(case: Case) -> Iterator[Proof]:
    """Propose that a sum over samples and positions was taken as a mean."""
    scene = case.scene
    if not adds_up(scene) or scene.value.size == 0:
        return
    shape = scene.output_shape
    rest = scene.form.size // scene.value.size
    parts = {rest: "the samples and positions"} | ({shape[0]: "the samples"} if len(shape) > 1 else {})
    if len(shape) > 2 and rest % shape[0] == 0:
        parts = {rest // shape[0]: "the positions"} | parts
    for number, words in parts.items():
        if number < 2:
            continue
        also = ("factor-1/N",) if number == shape[0] or rest == number else ("factor",)
        code = "factor-1/N" if number == shape[0] != rest else "bias-mean"
        proof = Proof(
            code,
            f"a mean over {words} ({number}) is taken where a sum belongs",
            0.0,
            f"mean of {words}",
            also=also if code == "bias-mean" else ("bias-mean",),
            repair=summed(scene),
        )
        yield from prove(scene, proof, claims=scene.claims * number)


def between_outputs(case: Case) -> Iterator[Proof]:
    """Propose that one of several outputs is left out, or that two are exchanged."""
    scene = case.scene
    shapes = scene.form.shapes
    if len(shapes) < 2:
        return
    parts = [part.astype(np.float64).ravel() for part in scene.form.cut(np.arange(scene.form.size, dtype=np.float64))]
    index = [part.astype(int) for part in parts]
    for i, own in enumerate(index):
        kept = scene.cotangents.copy()
        kept[:, own] = 0.0
        text = f"grad_output of output {i} is not used: the path through that output is left out"
        yield from prove(scene, Proof("path-missing", text, 0.0, f"without output {i}"), cotangents=kept)
        for j in range(i):
            if shapes[i] == shapes[j]:
                swapped = scene.cotangents.copy()
                swapped[:, own], swapped[:, index[j]] = scene.cotangents[:, index[j]], scene.cotangents[:, own]
                text = f"the grad_outputs of outputs {j} and {i} are exchanged"
                proof = Proof("other", text, 0.0, f"outputs {j} {i}", also=("permuted",))
                yield from prove(scene, proof, cotangents=swapped)
