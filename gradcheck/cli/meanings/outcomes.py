"""Why a check is inconclusive or says little, and what kept a target from being checked."""

from collections.abc import Mapping
from types import MappingProxyType

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "noise": "The error bars hide errors of the size that would matter, so that neither answer can be given. It is "
        "forward's own rounding as a rule: layers that compute in float32 inside, or subtract nearly equal numbers, do "
        "that; or kinks lie closer by than the steps. Give larger, better conditioned or less equal inputs, let the "
        "layer compute in float64, or try --effort thorough.",
        "not-reproduced": "A discrepancy beyond the threshold was seen once and did not come back along a fresh "
        "direction. Too little to call the gradient wrong, too much to call it right: try another --seed, or --effort "
        "thorough.",
        "not-confirmed": "A discrepancy beyond the threshold was seen, and nobody is accused of what was seen once: "
        "the calls of this effort did not suffice for a second look, or none could be taken, or forward's own rounding "
        "may explain it, as the sentence beside the code says. --effort thorough takes four times as many.",
        "not-measured": "No derivative of forward could be measured: forward refuses or leaves every point beside the "
        "given one, or jumps there. Give a point in the middle of forward's domain.",
        "kinks-only": "Every output has a kink within reach, so that only the one-sided derivatives could be compared "
        "with, and the claim lies between them. Give inputs away from the kinks to have the rest judged too.",
        "choice-of-branch": "At a kink the claim lies outside of the one-sided derivatives. Where several kinks meet "
        "in one output that can be a matter of which branch each takes, and here it could not be told from a "
        "mistake. Give inputs away from the kinks, or biases as inputs too: they move one unit alone.",
        "vacuous": "Forward did not respond to the argument at any point tried, or moves in steps, and backward claims "
        "zero, which is right and says nothing. Perhaps the inputs are in a flat region (all below zero for a ReLU), "
        "or the argument is empty. --strict makes this inconclusive.",
        "random-forward": "Forward gives another answer each time it is called with the same inputs, so that "
        "nothing can "
        "be measured. Fix the layer's seed, or turn dropout off (train=False, p=0).",
        "forward-nonfinite": "Forward is NaN or infinite at the given point, so that nothing can be measured. Give "
        "inputs inside its domain (--input x=4:uniform:0.5..2, say).",
        "nothing-decided": "No case that was drawn came to an answer: each was refused, vacuous or inconclusive. Widen "
        "what is drawn, or name what the layer needs with --input and --arg.",
    }
)

FAILURES: Mapping[str, str] = MappingProxyType(
    {
        "load": "The target could not be loaded: there is no such file, module or name, or it raised while it was "
        "imported. A module that is not installed and not needed can be stubbed with --stub; names that NumPy has "
        "removed come back with --old-numpy.",
        "usage": "The target was loaded and could not be read as a layer with these inputs and arguments. The sentence "
        "says what is missing; a layer that follows no convention gets in by a case, see `gradcheck new`.",
        "raised": "The layer's own code raised at the given point. The traceback shows its frames only.",
        "crashed": "The process in which the target ran ended without an answer: a segmentation fault, an abort, or an "
        "exit from below Python. The stack at that moment is shown where there is one. The other targets went on.",
        "timeout": "Import, check and explanation together took longer than --timeout. The stack shows where it was. "
        "Smaller inputs tell as much, as a rule.",
        "memory": "The target and what it started used more memory than --memory allows, or more than most of what was "
        "free. Memory is looked at often and not enforced by the system, so that a sudden rise may go further.",
        "rejected": "One configuration of a sweep was refused by the layer itself, by an exception or assertion in its "
        "own code. That is no failure, unless all of them are.",
        "healed": "A waiver of [tool.gradcheck] covers nothing any more: what it excused agrees now. Remove it, "
        "so that "
        "the layer is guarded again.",
    }
)
