#pragma once

#include <torch/nn/module.h>

#include <functional>
#include <memory>
#include <vector>

#include "nn/linear_layer.h"

/// Attention along one axis of a grid at a time (Ho et al., arXiv 1912.12180, Sec. 3.1), as the block library
/// lucidrains/axial-attention has it and under its names: not causal, for grids of any number of axes. B
/// batch, D width, H heads.
namespace arzoo::nn {

struct AxialAttentionOptions {
  int64_t dim = 0;
  int64_t heads = 8;
  int64_t dim_heads = 0;       ///< width of a head; 0: dim / heads
  int64_t num_dimensions = 2;  ///< axes of the grid
  int64_t dim_index = -1;      ///< where the channels are among the axes of x, counted from the end below 0
  bool sum_axial_out = true;   ///< the axes' results are summed; else each axis reads the one before
};

/// One axis' self-attention: to_q and to_kv without bias, to_out with it.
class AxialSelfAttention : public torch::nn::Module {
 public:
  AxialSelfAttention(int64_t dim, int64_t heads, int64_t dim_heads);
  /// x: [N, T, D]; returns the same shape.
  at::Tensor forward(const at::Tensor& x) const;
  /// Uniform in +-1 / sqrt(inputs), as PyTorch's linear maps start.
  void initialise();

 private:
  int64_t heads_;
  std::shared_ptr<LinearLayer> to_q_, to_kv_, to_out_;
};

/// `attend`, from [N, T, D] to the same, along `axis` of x, whose channels are at `channels`; the other axes
/// are batch. Returns x's shape.
at::Tensor along_axis(const at::Tensor& x, int64_t axis, int64_t channels,
                      const std::function<at::Tensor(const at::Tensor&)>& attend);

/// The axes of a tensor with so many grid axes whose channels are at `channels`, but for the batch's and
/// that.
std::vector<int64_t> grid_axes(int64_t num_dimensions, int64_t channels);

class AxialAttention : public torch::nn::Module {
 public:
  /// Throws std::invalid_argument for a width that the heads do not divide, and for a place of the channels
  /// that is none.
  explicit AxialAttention(const AxialAttentionOptions& options);
  /// x: [B, …] with num_dimensions grid axes and the channels at dim_index; returns the same shape.
  at::Tensor forward(const at::Tensor& x) const;
  void initialise();

 private:
  AxialAttentionOptions options_;
  std::vector<std::shared_ptr<AxialSelfAttention>> attentions_;
};

/// x plus a table per axis, param_0, param_1, …, [1, …, D, …] with one grid axis each.
class AxialPositionalEmbedding : public torch::nn::Module {
 public:
  AxialPositionalEmbedding(int64_t dim, const std::vector<int64_t>& shape, int64_t dim_index = 1);
  at::Tensor forward(const at::Tensor& x) const;
  /// N(0, 1).
  void initialise();

 private:
  std::vector<at::Tensor> tables_;
};

struct AxialImageTransformerOptions {
  int64_t dim = 0, depth = 1, heads = 8, dim_heads = 0;
  std::vector<int64_t> shape = {};  ///< of the position tables, [H, W]; empty: none
  bool reversible = false;          ///< two streams, whose mean is the result: another function than without
};

/// Alternates attention along both axes with two convolutional feed-forward layers.
class AxialImageTransformer : public torch::nn::Module {
 public:
  explicit AxialImageTransformer(const AxialImageTransformerOptions& options);
  ~AxialImageTransformer() override;
  /// x: [B, D, H, W]; returns the same shape.
  at::Tensor forward(const at::Tensor& x) const;

 private:
  class Attention;
  class FeedForward;
  using Branch = std::function<at::Tensor(const at::Tensor&)>;

  bool reversible_;
  std::shared_ptr<AxialPositionalEmbedding> pos_emb_;
  std::vector<std::pair<Branch, Branch>> pairs_;
};

}  // namespace arzoo::nn
