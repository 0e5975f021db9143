"""Hypotheses about the order of entries: the claim is rearranged, or the claim and grad_output both are."""

from collections.abc import Iterator

import numpy as np

from gradcheck.explain.layout import other_positions, output_positions, spatial_axes
from gradcheck.explain.order import Change, Rows, changes, exchanges, flips, moves, readings
from gradcheck.explain.proof import Case, Proof
from gradcheck.explain.scaling import scaled
from gradcheck.explain.scene import Scene

MOST_PAIRED = 20_000  # entries and outputs up to which pairs of rearrangements are tried


def both_sides(case: Case) -> Iterator[Proof]:
    """Propose that claim and grad_output are rearranged alike: the layer's own transform is run the wrong way round."""
    scene = case.scene
    if scene.value.size + scene.form.size > MOST_PAIRED:
        return
    rows, upstream = scene.shaped(scene.claims), scene.as_outputs(scene.cotangents)
    for change in _of_claim(scene):
        undone = change.undone(rows)
        for other in _of_output(scene):
            if change.key.split()[0] != other.key.split()[0]:
                continue
            made = other.done(upstream)
            if np.array_equal(made, scene.cotangents):
                continue
            text = f"grad_output is used {other.words}, and the gradient is {change.words}"
            proof = Proof(change.code, text, 0.0, f"{change.key}, g {other.key}", also=(*change.also, other.code))
            yield from scaled(case, proof, claims=undone, cotangents=made)


def _of_claim(scene: Scene) -> Iterator[Change]:
    yield from _few(
        Rows(f"grad_{scene.name}", scene.shape, spatial_axes(scene, scene.name), other_positions(scene, scene.name))
    )


def _of_output(scene: Scene) -> Iterator[Change]:
    yield from _few(Rows("grad_output", scene.output_shape, output_positions(scene)))


def _few(rows: Rows) -> Iterator[Change]:
    yield from flips(rows)
    yield from exchanges(rows)
    yield from (change for change in moves(rows) if change.code == "shifted")
    yield from readings(rows.shape)


def orders(case: Case) -> Iterator[Proof]:
    """Propose every rearrangement of the claim, alone and with a constant or a sign."""
    scene = case.scene
    rows = scene.shaped(scene.claims)
    for change in changes(
        Rows(f"grad_{scene.name}", scene.shape, spatial_axes(scene, scene.name), other_positions(scene, scene.name))
    ):
        if not scene.plausible(change.undone(rows[:1]), scene.cotangents):
            continue
        proof = Proof(
            change.code,
            f"the gradient is {change.words}",
            0.0,
            change.key,
            repair=change.repair,
            equation=change.equation,
            also=change.also,
        )
        yield from scaled(case, proof, claims=change.undone(rows))
