#pragma once

#include <torch/nn/modules/linear.h>

#include <vector>

namespace arzoo::nn {

/// Linear layers that read the same input (query, key and value), computed as one matrix product.
///
/// `pack` moves their weights and biases next to each other in one storage, under their own names, so that
/// inference needs no copy to use them together; training, and layers that were moved since, concatenate them
/// on the fly. All layers have a bias, or none has.
void pack(const std::vector<torch::nn::Linear>& layers);

/// x: [..., in]; returns [..., sum of the layers' outs], the layers' results side by side.
at::Tensor packed_linear(const at::Tensor& x, const std::vector<torch::nn::Linear>& layers);

}  // namespace arzoo::nn
