"""The kinds that `--like` knows, by name: the table itself (`like/kinds.py`) needs NumPy."""

KIND_NAMES = (
    "conv2d", "conv1d", "conv3d", "conv_transpose2d", "max_pool2d", "avg_pool2d", "activation", "linear", "batch_norm",
    "softmax_cross_entropy",
)  # fmt: skip
