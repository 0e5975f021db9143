// A convolution in C++, as somebody would write it: plain loops over (N, C, H, W), forward and backward.
#pragma once
#include <vector>

struct Settings {
    long stride[2], before[2], after[2], dilation[2], groups;
    bool flip;
};

struct Sizes {
    long batch, channels, height, width;      // of the input
    long filters, per_group, rows, cols;      // of the weight
    long out_height, out_width;               // of the output
};

inline long out_size(long size, long kernel, long before, long after, long stride, long dilation) {
    return (size + before + after - dilation * (kernel - 1) - 1) / stride + 1;
}

// Calls visit(output, input, weight) with the places of every product that the convolution sums up.
template <class Visit>
void products(const Sizes& z, const Settings& s, Visit visit) {
    const long filters_per_group = z.filters / s.groups;
    for (long n = 0; n < z.batch; ++n)
        for (long k = 0; k < z.filters; ++k)
            for (long i = 0; i < z.out_height; ++i)
                for (long j = 0; j < z.out_width; ++j)
                    for (long c = 0; c < z.per_group; ++c)
                        for (long a = 0; a < z.rows; ++a)
                            for (long b = 0; b < z.cols; ++b) {
                                const long row = i * s.stride[0] + a * s.dilation[0] - s.before[0];
                                const long col = j * s.stride[1] + b * s.dilation[1] - s.before[1];
                                if (row < 0 || row >= z.height || col < 0 || col >= z.width) continue;
                                const long channel = k / filters_per_group * z.per_group + c;
                                const long tap_row = s.flip ? z.rows - 1 - a : a;
                                const long tap_col = s.flip ? z.cols - 1 - b : b;
                                visit(((n * z.filters + k) * z.out_height + i) * z.out_width + j,
                                      ((n * z.channels + channel) * z.height + row) * z.width + col,
                                      ((k * z.per_group + c) * z.rows + tap_row) * z.cols + tap_col);
                            }
}

template <class T>
void convolve(const Sizes& z, const Settings& s, const T* input, const T* weight, const T* bias, const T* grad_output,
              T* output, T* grad_input, T* grad_weight, T* grad_bias) {
    const long positions = z.out_height * z.out_width;
    for (long o = 0; o < z.batch * z.filters * positions; ++o) {
        const long filter = o / positions % z.filters;
        output[o] = bias ? bias[filter] : T(0);
        if (bias) grad_bias[filter] += grad_output[o];
    }
    products(z, s, [&](long o, long x, long w) {
        output[o] += input[x] * weight[w];
        grad_input[x] += grad_output[o] * weight[w];
        grad_weight[w] += grad_output[o] * input[x];
    });
}
