#pragma once

#include <optional>

#include "kernels/packed_weights.h"
#include "nn/kv_cache.h"
#include "nn/transformer_block.h"

/// The blocks of the Axial Transformer under their official names ("/" written as "."), with maps of [in,
/// out].
namespace arzoo::image {

/// A linear map, w [in, out] and b [out].
class AxialDense : public torch::nn::Module, public kernels::PackedForInference {
 public:
  AxialDense(int64_t in, int64_t out);
  /// As nn::linear takes it.
  nn::Affine map() const { return {packed_.defined() ? packed_ : w_.t(), b_}; }
  const at::Tensor& w() const { return w_; }
  const at::Tensor& b() const { return b_; }
  /// Variance scaling over the inputs, bias 0.
  void initialise(double scale);
  void pack() override;

 private:
  at::Tensor w_, b_;
  at::Tensor packed_;  ///< w transposed, once it is packed
};

/// Layer normalisation, g and b [D].
class AxialNorm : public torch::nn::Module {
 public:
  explicit AxialNorm(int64_t width);
  nn::Affine affine() const { return {g_, b_}; }
  at::Tensor forward(const at::Tensor& x) const;
  void initialise();

 private:
  at::Tensor g_, b_;
};

struct AxialBlockOptions {
  int64_t width = 0, heads = 0, hdim_factor = 1;
  double dropout = 0.0;
  bool masked = false;  ///< a position sees none after it
};

/// x += drop(attention(LN x)); x += drop(mlp(LN x)) along one axis; the hidden units are x sigmoid(1.702 x).
class AxialBlock : public torch::nn::Module, public kernels::PackedForInference {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  explicit AxialBlock(const AxialBlockOptions& options);

  /// x: [N, T, D], N the other axes; cache: of the positions before, to which these are added; may be null.
  /// Returns [N, T, D].
  at::Tensor forward(const at::Tensor& x, nn::KvCache* cache = nullptr) const;
  void initialise(double res_init_scale);
  /// The maps to queries, keys and values become one.
  void pack() override;

 private:
  nn::BlockWeights weights() const;

  double dropout_;
  nn::TransformerBlock block_;
  std::shared_ptr<AxialDense> q_, k_, v_, proj_out_, mlp_in_, mlp_out_;
  std::shared_ptr<AxialNorm> layernorm_attn_, layernorm_mlp_;
  std::optional<nn::BlockWeights> packed_;
};

}  // namespace arzoo::image
