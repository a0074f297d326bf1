#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::nn {

/// The last inputs of a causal convolution, [B, K - 1, C]: what the next tokens still see. Undefined at the
/// start, where zeros stand for them.
using ConvolutionState = at::Tensor;

/// Those of the three convolutions of one attention layer.
struct ConvolutionStates {
  ConvolutionState query, key, value;
};

/// A depthwise convolution along time that sees no later token: y_t = sum_i taps[i] x_{t - i}, per channel
/// (So et al., Primer, NeurIPS 2021, Sec. 3). x: [B, T, C]; taps: [K, C]; `state` is read and moved on.
/// Returns [B, T, C].
at::Tensor causal_convolution(const at::Tensor& x, const at::Tensor& taps, ConvolutionState& state);

}  // namespace arzoo::nn
