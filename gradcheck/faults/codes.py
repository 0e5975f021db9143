"""The classes of mistakes: one sentence a code; a diagnosis of a fault in the zoo must name its class."""

from types import MappingProxyType

CODES = MappingProxyType(
    {
        # a constant
        "sign": "the gradient has the wrong sign",
        "factor-2": "the gradient is twice the true one",
        "factor-1/2": "the gradient is half the true one",
        "factor-N": "the gradient is the true one times the number of samples or entries",
        "factor-1/N": "the gradient is the true one divided by the number of samples or entries",
        "factor-kernel-area": "the gradient is the true one times or divided by the number of cells in a kernel",
        "factor-learning-rate": "the gradient is the true one times a learning rate",
        "factor": "the gradient is the true one times some other constant",
        # the wrong thing returned
        "zero": "the gradient is zero everywhere",
        "equals-grad-output": "grad_output is returned unchanged",
        "equals-other-argument": "the gradient of another argument is returned",
        "grad-output-ignored": "grad_output is not used",
        "grad-output-summed": "grad_output is summed up before it is used",
        "grad-output-averaged": "grad_output is averaged before it is used",
        "part-zeroed": "some entries are zero that should not be",
        "part-off": "some entries are off while the others are right",
        "clipped": "the gradient, or grad_output, is cut off at a bound",
        "small-error": "every entry is off by a small relative error",
        "offset": "something is added that does not belong to the gradient",
        # an order of entries
        "transposed": "two axes are exchanged",
        "reversed": "the entries come in reversed order along an axis",
        "permuted": "the entries come in another order",
        "shifted": "the gradient is moved by some cells",
        "kernel-not-rotated": "a kernel is rotated by 180 degrees where it should not be, or not where it should",
        "kernel-flipped-axis": "a kernel is flipped along one axis only",
        "channels-swapped": "input and output channels, or two channels, are exchanged",
        "groups-mixed": "one group of channels is given another's gradient",
        # settings of a sliding window
        "stride-ignored": "the stride is taken as 1",
        "stride-swapped": "the strides of the two axes are exchanged",
        "dilation-ignored": "the dilation is taken as 1",
        "dilation-swapped": "the dilations of the two axes are exchanged",
        "padding-off-by-one": "the padding is one cell too large or too small",
        "padding-one-side": "all of the padding is taken to be at one side",
        "border-only": "only the border is wrong",
        "overlap-overwritten": "where windows or indices meet, the last one replaces the others instead of being added",
        # sums over batch and space
        "batch-ignored": "only the first sample of the batch is used",
        "batch-leak": "one sample's gradient depends on another sample",
        "bias-mean": "the bias gradient is a mean where it should be a sum",
        "bias-batch-missing": "the bias gradient is not summed over the batch",
        "bias-space-missing": "the bias gradient is not summed over the positions",
        # derivatives of elementwise functions
        "f-prime-missing": "the derivative of the elementwise function is left out",
        "f-prime-at-output": "the derivative is taken at the output instead of the input",
        "f-prime-at-input": "a formula in terms of the output is given the input",
        "f-prime-wrong": "the formula of the derivative is another one",
        "wrong-branch": "the mask of the other branch, or a mask of something else, is used",
        "slope-wrong-side": "the slope of one side is used on the other",
        # choices
        "tie-all-winners": "every winner of a tie gets the whole gradient",
        "tie-no-winner": "no winner of a tie gets the gradient",
        "wrong-winner": "an entry that is not the largest gets the gradient",
        "outside-subdifferential": "at a kink the claim lies outside the one-sided derivatives",
        "padding-wins": "padding is taken for a winner",
        "pool-kind": "the gradient belongs to another kind of pooling",
        "pool-divisor": "the average is divided by another number of cells than in forward",
        # paths through a layer
        "softmax-diagonal": "the Jacobian of softmax is taken as diagonal",
        "mean-path-missing": "the path through the mean is left out",
        "variance-path-missing": "the path through the variance or norm is left out",
        "path-missing": "one of the paths from the argument to the output is left out",
        "epsilon-forgotten": "forward adds an epsilon that backward does not",
        "label-shifted": "the labels are off by one",
        # precision
        "float32-truncation": "backward computes in float32 inside a float64 layer",
        "integer-truncation": "backward truncates to integers",
        # contract
        "stale-cache": "backward uses what an earlier forward kept",
        "accumulated": "the gradient adds up over calls",
        "nondeterministic": "the same call gives another gradient",
        "not-linear": "the gradient is not linear in grad_output",
        "zero-cotangent": "a zero grad_output gives a gradient that is not zero",
        "mutates-grad-output": "backward writes into grad_output",
        "mutates-input": "a pass writes into its inputs",
        "aliases": "a returned gradient shares memory with grad_output, an input, or another gradient",
        "strided": "an array that is not contiguous is read wrongly",
        "wrong-shape": "the gradient has another shape than its argument",
        "wrong-dtype": "the gradient has another dtype than its argument",
        "wrong-count": "backward returns too few or too many gradients",
        "missing": "no gradient is returned for an argument",
        "not-finite": "the gradient holds NaN or infinity",
        "crash": "backward raises where forward does not",
        # the rest
        "other": "a mistake without a name",
    }
)

# Where a gradient is right and only manners are bad, the judge's findings that name the misconduct.
WITNESSES = MappingProxyType(
    {
        "aliases": (
            "aliases-grad-output",
            "aliases-gradient",
            "aliases-input",
            "result-overwritten",
            "output-overwritten",
        ),
        "crash": ("empty-refused", "scalar-refused"),
        "missing": ("gradient-unclaimed",),
        "mutates-grad-output": ("mutates-grad-output",),
        "mutates-input": ("mutates-input", "wrong-in-place"),
        "stale-cache": ("needs-forward", "stale-state"),
        "wrong-dtype": ("gradient-dtype",),
        "wrong-shape": ("size-one-wrong",),
    }
)
