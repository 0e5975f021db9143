"""The zoo as a whole: every seeded fault and every tricky-but-correct layer, each under a name of its own."""

from gradcheck.faults import (
    activations,
    convolution,
    convolution_weights,
    kinks,
    linear,
    losses,
    manners,
    normalisation,
    points,
    pooling,
    precision,
    scaling,
    states,
    structures,
    tricky_domains,
    tricky_kinks,
    tricky_manners,
    tricky_precision,
    tricky_scales,
    tricky_structures,
)
from gradcheck.faults.records import Fault, Tricky

FAULTS: tuple[Fault, ...] = (
    *convolution.FAULTS,
    *convolution_weights.FAULTS,
    *pooling.FAULTS,
    *activations.FAULTS,
    *linear.FAULTS,
    *losses.FAULTS,
    *normalisation.FAULTS,
    *scaling.FAULTS,
    *structures.FAULTS,
    *points.FAULTS,
    *kinks.FAULTS,
    *precision.FAULTS,
    *manners.FAULTS,
    *states.FAULTS,
)
TRICKY: tuple[Tricky, ...] = (
    *tricky_kinks.TRICKY,
    *tricky_domains.TRICKY,
    *tricky_scales.TRICKY,
    *tricky_precision.TRICKY,
    *tricky_manners.TRICKY,
    *tricky_structures.TRICKY,
)
