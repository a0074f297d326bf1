#include "nn/packed_linear.h"

#include <torch/torch.h>

#include "kernels/linear.h"

namespace arzoo::nn {
namespace {

/// The tensors stacked along their first axis: a view when they already lie one behind the other, else a
/// copy. Under autograd always a copy, which hands each part its own gradient.
at::Tensor stacked(at::TensorList parts) {
  if (at::GradMode::is_enabled()) return at::cat(parts, 0);
  const auto& first = parts[0];
  auto sizes = first.sizes().vec();
  sizes[0] = 0;
  bool adjacent = true;
  for (const auto& part : parts) {
    adjacent = adjacent && part.is_contiguous() && part.is_alias_of(first) &&
               part.storage_offset() == first.storage_offset() + sizes[0] * first.stride(0);
    sizes[0] += part.size(0);
  }
  return adjacent ? first.as_strided(sizes, first.strides()) : at::cat(parts, 0);
}

std::vector<at::Tensor> split_like(const at::Tensor& whole, at::TensorList parts) {
  std::vector<int64_t> rows;
  for (const auto& part : parts) rows.push_back(part.size(0));
  return whole.split_with_sizes(rows, 0);
}

std::vector<at::Tensor> weights_of(const std::vector<torch::nn::Linear>& layers) {
  std::vector<at::Tensor> weights;
  for (const auto& layer : layers) weights.push_back(layer->weight);
  return weights;
}

std::vector<at::Tensor> biases_of(const std::vector<torch::nn::Linear>& layers) {
  std::vector<at::Tensor> biases;
  for (const auto& layer : layers) {
    if (layer->bias.defined()) biases.push_back(layer->bias);
  }
  return biases;
}

void pack_tensors(std::vector<at::Tensor> parts) {
  if (parts.empty()) return;
  torch::NoGradGuard no_grad;
  const auto pieces = split_like(at::cat(parts, 0), parts);
  for (std::size_t i = 0; i < parts.size(); ++i) parts[i].set_data(pieces[i]);
}

}  // namespace

void pack(const std::vector<torch::nn::Linear>& layers) {
  pack_tensors(weights_of(layers));
  pack_tensors(biases_of(layers));
}

at::Tensor packed_linear(const at::Tensor& x, const std::vector<torch::nn::Linear>& layers) {
  const auto biases = biases_of(layers);
  return kernels::linear(x, stacked(weights_of(layers)), biases.empty() ? at::Tensor() : stacked(biases));
}

}  // namespace arzoo::nn
