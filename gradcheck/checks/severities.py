"""How each finding of the contract weighs, and why: the literal table, and the one way to make such a finding."""

from collections.abc import Mapping
from types import MappingProxyType

from gradcheck.verdict import Finding, Plain, Severity

# An error says that somebody who uses this backward gets a wrong gradient from it. Whatever leaves the gradient that is
# returned right, however rude to the arrays of others, is a warning; the caller can raise any of them to an error.
SEVERITIES: Mapping[str, tuple[Severity, str]] = MappingProxyType(
    {
        # repeatability
        "nondeterministic": (Severity.ERROR, "of two answers to one question at least one is wrong"),
        "accumulates": (Severity.ERROR, "from the second call on the gradient is a sum over calls"),
        "changes-with-calls": (Severity.ERROR, "a training loop calls more than once"),
        "stale-state": (Severity.ERROR, "the answer belongs to a point that the caller has left"),
        "repeat-refused": (Severity.WARNING, "a second call stops with an exception and is not silently wrong"),
        "result-overwritten": (Severity.WARNING, "right when returned; wrong for who keeps it beyond the next call"),
        "output-overwritten": (Severity.WARNING, "right when returned; wrong for who keeps it beyond the next call"),
        "forward-remembers": (Severity.WARNING, "backward was judged for the state of a first call only"),
        "needs-forward": (Severity.NOTE, "many layers refer to the last forward; right in the ordinary order of use"),
        # linearity
        "nonlinear": (Severity.ERROR, "an adjoint is linear; whatever is not is wrong for most values of grad_output"),
        "nonzero-for-zero": (Severity.ERROR, "something is added that is not the gradient (a weight decay, say)"),
        "zero-refused": (Severity.WARNING, "an exception is not a wrong gradient"),
        # mutation
        "wrong-in-place": (Severity.ERROR, "the gradient is right only where every array handed over is a copy"),
        "mutates-input": (Severity.WARNING, "this gradient is right; what the caller does next with the input is not"),
        # In-place work on grad_output corrupts the caller's other branches, but it is a widespread and deliberate way
        # to save memory, and wherever the output has one consumer nothing goes wrong: not this layer's gradient is
        # wrong but perhaps another's, which is for the owner of the graph to forbid (`errors=`).
        "mutates-grad-output": (Severity.WARNING, "this gradient is right; another consumer of grad_output may suffer"),
        "mutates-output": (
            Severity.WARNING,
            "this gradient is right; the caller's output is not what forward returned",
        ),
        "in-use-refused": (Severity.WARNING, "an exception is not a wrong gradient"),
        # aliasing
        "aliases-grad-output": (Severity.WARNING, "right, and usual for identities; wrong once somebody adds into it"),
        "aliases-gradient": (Severity.WARNING, "right, until somebody adds into one of the two"),
        "aliases-input": (Severity.WARNING, "right, until somebody updates the input"),
        # layouts
        "layout-wrong": (Severity.ERROR, "callers hand over views and broadcast arrays without knowing it"),
        "layout-forward": (Severity.ERROR, "forward is another function there, of which backward is no gradient"),
        "layout-refused": (Severity.WARNING, "an exception is not a wrong gradient"),
        "read-only-refused": (Severity.WARNING, "as above; broadcast arrays and memory maps are read-only"),
        # variants
        "variant-wrong": (Severity.ERROR, "the framework calls it that way as soon as the caller's graph asks for it"),
        "variant-forward": (Severity.WARNING, "the gradient was judged for one of two functions; which one is told"),
        "variant-refused": (Severity.WARNING, "an exception is not a wrong gradient"),
        # sizes
        "empty-refused": (Severity.WARNING, "an exception is not a wrong gradient, and empty batches are rare"),
        "empty-wrong": (Severity.WARNING, "a gradient of the wrong shape or not zero, where nothing flows"),
        "size-one-refused": (Severity.NOTE, "an exception is not a wrong gradient, and the size may never be meant"),
        "size-one-wrong": (Severity.NOTE, "a wrong shape, though at a size that may never be meant"),
        "scalar-refused": (Severity.WARNING, "an exception is not a wrong gradient; asked of elementwise layers only"),
        "scalar-wrong": (Severity.WARNING, "NumPy takes (1,) for () nearly everywhere"),
        # batches
        "batch-split": (Severity.ERROR, "the gradient at another batch size is not that of the same samples here"),
        "batch-order": (Severity.ERROR, "forward does not care for the order of the samples, the gradient does"),
        "batch-refused": (Severity.WARNING, "an exception is not a wrong gradient"),
    }
)

# Findings made before the contract's questions: on the way in, and on backward's first answer.
OPENING: Mapping[str, tuple[Severity, str]] = MappingProxyType(
    {
        "state-not-isolated": (Severity.WARNING, "state may leak from call to call; nothing wrong was seen for it"),
        "random-forward": (Severity.WARNING, "nothing can be judged, and the verdict says so by itself"),
        "gradient-count": (Severity.ERROR, "which gradient belongs to which input cannot be told"),
        "gradient-name": (Severity.ERROR, "a gradient that is named after nothing reaches nobody"),
        "gradient-missing": (Severity.ERROR, "nothing is claimed, and somebody waits for it"),
        # A note where forward does not respond, an error where the caller asked for this very gradient.
        "gradient-unclaimed": (Severity.WARNING, "that may be meant, and what is claimed was judged all the same"),
        "gradient-type": (Severity.ERROR, "no caller can add it to anything"),
        "gradient-shape": (Severity.ERROR, "it broadcasts, or raises, wherever it is used"),
        # An error where it is complex.
        "gradient-dtype": (Severity.WARNING, "the numbers are judged by themselves; a mixed sum costs speed or digits"),
        "gradient-nonfinite": (Severity.ERROR, "one NaN or infinity spoils every update that it enters"),
        "one-triangle": (Severity.NOTE, "the convention of the literature, and unique along symmetric changes"),
        # Found beside the comparisons, whose bars leave the excess out.
        "point-not-judged": (Severity.WARNING, "the caller asked for it; the other points were judged"),
        "calls-spent": (Severity.NOTE, "what was judged stands; more effort judges more"),
        "unstable-backward": (Severity.WARNING, "rounding decides the answer; whether it is right the comparisons say"),
    }
)


def found(code: str, sentence: str, *, argument: str | None = None, **evidence: Plain) -> Finding:
    """Make a finding with the severity of its code."""
    return Finding(code, sentence, {**SEVERITIES, **OPENING}[code][0], argument, evidence)
