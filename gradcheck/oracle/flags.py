"""The mistakes that the suite exposes, a sentence each; a case carries a flag if the mistake changes its numbers."""

SLIDING = {
    "axis-order": "stride, padding and dilation are read with the spatial axes in reverse order",
    "bias-of-one-position": "the gradient of the bias is summed over the batch, but not over the positions",
    "border-lost": "only errors whose whole window overlaps them reach the input; entries near the border get nothing",
    "channels-exchanged": "the gradient of the input reads the kernel with filters and channels exchanged",
    "convolution-for-correlation": "the kernel is read from its other end: convolution where correlation is meant",
    "dilation-forgotten": "a pass reads neighbouring entries where the taps lie `dilation` apart",
    "few-bits-kept": "inputs are rounded to 11 bits before they are multiplied, as tensor cores do (TF32)",
    "groups-interleaved": "filter k is taken to belong to group k mod groups, not to block k // (filters / groups)",
    "kernel-not-rotated": "errors go back through the kernel without its rotation by 180 degrees",
    "nondividing-stride": "the entries that no window reaches are taken to lie in front of the input, not behind it",
    "output-padding-forgotten": "output_padding is ignored, and the output is too small",
    "output-padding-in-front": "output_padding lies in front of the output, not behind it",
    "overlap-overwritten": "where windows overlap, the last error overwrites the others; they must add up",
    "padding-of-border-values": "the padding repeats the border's values; it must be zero",
    "padding-sides-exchanged": "padding before and behind the input are exchanged",
    "spatial-axes-transposed": "the gradient of the weight has its spatial axes in reverse order",
    "stride-forgotten": "the gradient of the weight meets input and errors entry by entry, as if the stride were 1",
    "unpadded-batch-axis": "the padding is cut off the batch axis, too: the outer samples get no gradient",
    "zero-padding-cut": "the padding is cut off as [p:-p], which leaves nothing where p is 0",
}

PARAMETERS = {
    "batch-averaged": "a gradient is the mean over the batch; it must be the sum",
    "batch-not-summed": "the gradients of parameters come from the first sample alone",
    "leading-axes-not-summed": "the gradients of parameters are summed over the first axis alone",
    "weight-transposed": "the gradient of the input multiplies by the weight transposed, or not, the wrong way round",
}

POOLS = {
    "adaptive-end-rounded-down": "windows end at floor((i + 1) n / o), so that neighbours never share an entry",
    "adaptive-equal-windows": "all windows have one size and one stride; they must be as even as can be",
    "ceil-mode-forgotten": "the last window, which hangs over the end, is left out although ceil_mode is set",
    "divisor-counts-padding": "the divisor counts padding although count_include_pad is false",
    "divisor-override-forgotten": "divisor_override is ignored",
    "gradient-divided-by-kernel-size": "errors are always divided by the kernel's size, unlike the mean itself",
    "gradient-not-divided": "each entry of a window gets the whole error, not its share",
    "gradient-of-positives-only": "winners that are not positive get no gradient",
    "largest-magnitude-wins": "the entry largest in magnitude wins",
    "magnitude-forgotten": "entries are added up with their signs; a norm adds their magnitudes",
    "overhang-counted": "the divisor counts what hangs over the end of the padded input",
    "padding-not-counted": "the divisor leaves padding out although count_include_pad is true",
    "remainder-pooled": "a last window hangs over the end although ceil_mode is not set",
    "sign-of-input-lost": "the gradient of a norm lacks the sign of the input",
    "stride-taken-as-kernel": "the stride is ignored, and windows lie side by side",
    "tie-all-winners": "of equal winners each gets the whole error; their shares must add up to it",
    "window-in-padding-kept": "with ceil_mode, a window is kept that begins behind the input",
    "winner-index-transposed": "the winner's number within the window is taken apart with the kernel's axes reversed",
    "winners-of-first-sample": "the winners of the first sample and channel are taken for those of all",
    "zero-padding-wins": "the padding takes part as zeros and wins against negative entries; it must never win",
}

STRAIGHT = {
    "both-at-kink": "at a kink both one-sided slopes are added up: masks >= and <= that are both true",
    "cut-not-moved": "entries beyond the threshold are kept as they are; they must be moved towards zero",
    "error-passed-through": "the error goes back as it came, without the slope",
    "error-taken-as-one": "grad_output is taken to be 1",
    "lower-slope-forgotten": "the slope below zero is ignored",
    "mask-of-errors": "the mask is taken from the errors: positive errors pass, whatever the input",
    "mask-of-outputs": "the slope is chosen by the sign of the output, not of the input",
    "maximum-of-both-lines": "max(x, a x), which is the function only for slopes a up to 1",
    "moved-not-cut": "entries beyond the threshold are moved towards zero; they must be kept as they are",
    "positive-part-counted": "the gradient of the slope counts entries above zero, which it does not act on",
    "slope-without-error": "the gradient of the slope lacks the factor grad_output",
    "slopes-added-up": "every slope gets the gradient of all channels together",
    "threshold-taken-as-zero": "the threshold is ignored and taken as zero",
    "upper-kink-forgotten": "the upper end of the interval is ignored",
    "zero-at-kink": "at a kink neither side counts: masks > and < that are both false",
}

LOSSES = {
    "factor-two-misplaced": "a squared error's factor 2 is missing from the gradient, or too many",
    "mean-over-batch-only": "the mean divides by the number of samples, not by that of all entries",
    "reduction-forgotten-in-gradient": "the mean's division is missing from the gradient",
    "sum-taken-as-mean": "reduction 'sum' is computed as 'mean'",
    "target-gradient-unsigned": "the gradient of the target has the sign of the input's",
}

NORMALISATION = {
    "bias-averaged": "the gradient of the bias is a mean; it must be the sum",
    "epsilon-forgotten": "epsilon is left out of the root",
    "statistics-held-constant": "mean and variance are held constant in the gradient, although the input moves them",
    "statistics-of-each-sample": "every sample is normalised by its own statistics, not by the batch's",
    "variance-held-constant": "the variance is held constant in the gradient, although the input moves it",
    "variance-unbiased": "the variance is divided by one less than the number of entries",
}

SMOOTH = {
    "alpha-forgotten": "the slope below zero lacks the factor alpha",
    "axis-taken-as-last": "the axis is ignored, and the last one is taken",
    "beta-forgotten": "the slope has a factor beta too many: the division by beta is left out",
    "clip-forgotten-in-gradient": "the slope is that of the middle piece everywhere",
    "complement-cancels": "1 less a number near 1, as in s (1 - s) or 1 - tanh²: the tail loses its digits",
    "constants-in-single": "constants are rounded to float32, in float64 too",
    "difference-cancels": "the difference of two numbers that are nearly alike, as in exp(x) - 1, loses its digits",
    "divided-last": "a product is divided only at the end, and is infinite before that",
    "error-times-input": "grad_output times the input is formed first; where it is infinite, 0 times it is no number",
    "errors-taken-to-sum-to-one": "the softmax is subtracted without its factor, the sum of all errors",
    "exponential-overflows": "an exponential is infinite where the result is not, and then divided or multiplied by 0",
    "largest-not-subtracted": "logits are exponentiated without subtracting the largest: they overflow, or all vanish",
    "logarithm-of-rounded": "the logarithm of a number already rounded near 1, or to 0",
    "mean-taken-of-powers": "the mean of the powers is taken for their sum",
    "off-diagonal-forgotten": "only the diagonal of the softmax's Jacobian is used",
    "other-approximation": "the tanh approximation is computed where the exact form is meant, or the reverse",
    "powers-overflow": "powers are summed without scaling: large inputs overflow, small ones vanish",
    "probabilities-clipped": "probabilities are kept away from 0 and 1, which limits the loss and cuts its gradient",
    "product-rule-forgotten": "of the product's derivative only the first term is there, the gate",
    "square-overflows": "a slope of 0 is multiplied by a polynomial whose square is infinite",
    "subnormals-flushed": "results below the smallest normal number become 0",
    "tail-by-erf": "the tail is computed as 1 + erf, which cancels; erfc keeps its digits",
    "tail-by-tanh": "the tail is computed as 1 + tanh, which cancels",
    "target-gradient-missing": "the target gets no gradient",
    "threshold-cuts-off": "beyond 20 the function is replaced by x, although no threshold is asked for",
    "threshold-forgotten": "the threshold, beyond which the function is x, is ignored",
    "zero-over-zero": "where a window is all zeros, its entries are divided by a norm of 0",
}

FLAGS: dict[str, str] = {**SLIDING, **PARAMETERS, **POOLS, **STRAIGHT, **LOSSES, **NORMALISATION, **SMOOTH}
