r"""One image at a time, without a batch axis or channels: (H, W) in, (H', W', filters) out.

gradcheck check examples/single_sample.py:Conv3x3 examples/single_sample.py:WrongConv3x3 \
  --input image=7,6 --arg num_filters=4
"""

import numpy as np


class Conv3x3:
    def __init__(self, num_filters):
        self.filters = np.random.randn(num_filters, 3, 3) / 9

    def iterate_regions(self, image):
        height, width = image.shape
        for i in range(height - 2):
            for j in range(width - 2):
                yield image[i : i + 3, j : j + 3], i, j

    def forward(self, image):
        self.last_input = image
        height, width = image.shape
        output = np.zeros((height - 2, width - 2, len(self.filters)))
        for region, i, j in self.iterate_regions(image):
            output[i, j] = np.sum(region * self.filters, axis=(1, 2))
        return output

    def backprop(self, d_out):
        self.d_filters = np.zeros(self.filters.shape)
        d_input = np.zeros(self.last_input.shape)
        for region, i, j in self.iterate_regions(self.last_input):
            for f in range(len(self.filters)):
                self.d_filters[f] += d_out[i, j, f] * region
                d_input[i : i + 3, j : j + 3] += d_out[i, j, f] * self.filters[f]
        return d_input


class WrongConv3x3(Conv3x3):
    """Only the last region counts: = where += belongs."""

    def backprop(self, d_out):
        d_input = super().backprop(d_out)
        for region, i, j in self.iterate_regions(self.last_input):
            for f in range(len(self.filters)):
                self.d_filters[f] = d_out[i, j, f] * region
        return d_input
