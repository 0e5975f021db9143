"""The mistakes that the suite exposes, a sentence each; a case carries a flag if the mistake changes its numbers."""

FLAGS: dict[str, str] = {
    "kernel-not-rotated": "the gradient of the input slides the kernel over the errors without rotating it by 180°",
    "nondividing-stride": "the entries that no window reaches are taken to lie in front of the input, not behind it",
    "batch-averaged": "the gradient of a parameter is the mean over the batch, not the sum",
}
