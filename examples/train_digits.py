"""The article's network on real digits: conv, ReLU, pool, conv, ReLU, pool, flatten, linear, softmax.

    pip install "gradcheck[examples]"
    python examples/train_digits.py [loss.png]

Trains with the hand-derived gradients on scikit-learn's 1,797 digits of 8 x 8 pixels (bundled, nothing is downloaded).
All gradients are checked before the first step, in float64; training is in float32. The loss curve is saved as a
picture where matplotlib is installed.
"""

import sys
import time

import numpy as np
from sklearn.datasets import load_digits

import gradcheck
from gradcheck.layers import Conv, Flatten, Linear, MaxPool, ReLU, Sequential, SoftmaxCrossEntropy

EPOCHS, BATCH, RATE, MOMENTUM, DECAY = 12, 32, 0.08, 0.9, 0.002

network = Sequential((Conv(padding=1), ReLU(), MaxPool(2), Conv(padding=1), ReLU(), MaxPool(2), Flatten(), Linear()))
model = Sequential((*network.layers, SoftmaxCrossEntropy()))


def make_parameters(rng):
    """He's initialisation: normals of variance 2 / fan-in; biases zero."""
    shapes = [(16, 1, 3, 3), (16,), (32, 16, 3, 3), (32,), (10, 128), (10,)]
    return [rng.normal(size=s) * np.sqrt(2 / np.prod(s[1:])) if len(s) > 1 else np.zeros(s) for s in shapes]


def load():
    """Return the digits, scaled to [0, 1] and shuffled: 1,437 for training, 360 for testing."""
    digits = load_digits()
    order = np.random.default_rng(1).permutation(len(digits.target))
    images, labels = digits.images[order, None] / 16, digits.target[order]
    return (images[:1437], labels[:1437]), (images[1437:], labels[1437:])


def check_gradients(parameters, images, labels, rng):
    """Check the whole network, layers and loss in one, near its starting point.

    Near it and not at it: in the blank corners of a digit all pixels are equal, so that units tie and ReLUs stand at 0,
    where there is no derivative to check.
    """
    values = [v + 0.02 * rng.normal(size=v.shape) for v in (images[:3], *parameters)]
    report = gradcheck.assert_agrees(model, dict(zip(model.input_names, [*values, labels[:3]], strict=True)))
    print(str(report).splitlines()[0])


def accuracy(parameters, images, labels):
    return np.mean(network.forward(images, *parameters).argmax(axis=1) == labels)


def train(parameters, images, labels, rng):
    """Stochastic gradient descent with momentum and weight decay; yields the mean loss of each epoch."""
    velocities = [np.zeros_like(p) for p in parameters]
    for epoch in range(EPOCHS):
        rate = RATE * (1 - epoch / EPOCHS)
        losses = []
        for batch in np.array_split(rng.permutation(len(labels)), len(labels) // BATCH):
            inputs = (images[batch], *parameters, labels[batch])
            losses.append(float(model.forward(*inputs)))
            gradients = model.backward(np.array(1.0), *inputs)[1 : 1 + len(parameters)]
            for p, v, g in zip(parameters, velocities, gradients, strict=True):
                v[...] = MOMENTUM * v - rate * (g + DECAY * p)
                p[...] += v  # the gradient is not the new kernel: it is subtracted from the old one
        yield np.mean(losses)


def save_curve(losses, path):
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no picture: matplotlib is not installed")
        return
    axes = Figure(figsize=(6, 3.5), layout="constrained").subplots()
    axes.semilogy(range(1, len(losses) + 1), losses, marker="o")
    axes.set(xlabel="epoch", ylabel="cross-entropy", title="Digits, trained with hand-derived gradients")
    axes.grid(alpha=0.3)
    axes.figure.savefig(path)
    print(f"loss curve: {path}")


def main(path):
    started = time.perf_counter()
    (images, labels), test = load()
    rng = np.random.default_rng(0)
    parameters = make_parameters(rng)
    check_gradients(parameters, images, labels, rng)
    images, parameters = images.astype(np.float32), [p.astype(np.float32) for p in parameters]
    losses = []
    for loss in train(parameters, images, labels, rng):
        losses.append(loss)
        print(f"epoch {len(losses):2}: loss {loss:.4f}, test accuracy {accuracy(parameters, *test):.3f}")
    save_curve(losses, path)
    reached = accuracy(parameters, *test)
    print(f"{reached:.1%} of {len(test[1])} unseen digits, {time.perf_counter() - started:.0f} s")
    return 0 if reached >= 0.97 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "digits_loss.png"))
