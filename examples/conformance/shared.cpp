// The convolution of convolution.hpp as a shared library, for ctypes (with_ctypes.py).
//
//   c++ -O2 -std=c++17 -shared -fPIC -o libconvolution.so shared.cpp
#include "convolution.hpp"

extern "C" void convolve_double(const long* sizes, const long* settings, const double* input, const double* weight,
                                const double* bias, const double* grad_output, double* output, double* grad_input,
                                double* grad_weight, double* grad_bias) {
    const long* s = settings;
    const Settings given{{s[0], s[1]}, {s[2], s[3]}, {s[4], s[5]}, {s[6], s[7]}, s[8], s[9] != 0};
    Sizes z{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], sizes[7], 0, 0};
    z.out_height = out_size(z.height, z.rows, given.before[0], given.after[0], given.stride[0], given.dilation[0]);
    z.out_width = out_size(z.width, z.cols, given.before[1], given.after[1], given.stride[1], given.dilation[1]);
    convolve<double>(z, given, input, weight, bias, grad_output, output, grad_input, grad_weight, grad_bias);
}
