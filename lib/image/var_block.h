#pragma once

#include <torch/nn/module.h>

#include "image/block_modulation.h"
#include "image/var.h"
#include "nn/adaln.h"
#include "nn/kv_cache.h"
#include "nn/linear_layer.h"
#include "runtime/losses.h"

namespace arzoo::image {

/// Self-attention of VAR: one fused projection whose keys have no bias; cosine attention, or plain attention
/// with the scale 0.25 / sqrt(E).
class VarAttention : public torch::nn::Module {
 public:
  explicit VarAttention(const VarOptions& options);

  /// All scales at once. x: [B, L, C]; bias: [1, 1, L, L], 0 where a query sees a key and -inf elsewhere.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& bias);
  /// In a generation: x, [B, T, C], are the tokens of the next scales, `scales` tokens each. Each scale sees
  /// itself and all before it.
  at::Tensor extend(const at::Tensor& x, const std::vector<int64_t>& scales, nn::KvCache& cache);

  const nn::LinearLayer& proj() const { return *proj_; }

 private:
  at::Tensor project(const at::Tensor& x) const;
  at::Tensor temperatures() const;

  int64_t heads_, width_;  ///< width_: of a head
  bool l2_norm_;
  std::shared_ptr<nn::LinearLayer> mat_qkv_, proj_;
  at::Tensor q_bias_, v_bias_, zero_k_bias_;  ///< [C]
  at::Tensor scale_mul_1H11_;                 ///< [1, H, 1, 1], logarithms of the temperatures
};

class VarFeedForward : public torch::nn::Module {
 public:
  VarFeedForward(int64_t width, int64_t hidden);
  at::Tensor forward(const at::Tensor& x) const;

  const nn::LinearLayer& fc2() const { return *fc2_; }

 private:
  std::shared_ptr<nn::LinearLayer> fc1_, fc2_;
};

/// One pre-norm block with adaptive normalisation.
class VarBlock : public torch::nn::Module {
 public:
  explicit VarBlock(const VarOptions& options);

  /// condition: [B, C], the class; shared: [B, 1, 6, C], what the model's shared map made of it (undefined
  /// without one).
  BlockModulation modulation(const at::Tensor& condition, const at::Tensor& shared) const;

  /// How much of each branch a sample keeps (nn/drop_path.h), [B, 1, 1] each; undefined: all.
  struct PathMask {
    at::Tensor attention, ffn;
  };
  /// All scales at once, under autograd. `between`, where there is one, is added between the two branches.
  /// Returns [B, L, C]; traced results are named `name`.attn, .ffn.
  at::Tensor forward(const at::Tensor& x, const BlockModulation& modulation, const at::Tensor& bias,
                     const PathMask& path_mask, const std::string& name, runtime::Trace* trace,
                     const at::Tensor& between = {});

  VarAttention& attention() const { return *attn_; }
  VarFeedForward& ffn() const { return *ffn_; }
  /// Initialises the modulation's weights: those of gamma nearly zero (`gamma_factor`), the others half as
  /// large.
  void initialise_modulation(double gamma_factor);

 private:
  double eps_;
  std::shared_ptr<VarAttention> attn_;
  std::shared_ptr<VarFeedForward> ffn_;
  std::shared_ptr<nn::AdaLnModulation> ada_lin_;  ///< without a shared map
  at::Tensor ada_gss_;                            ///< [1, 1, 6, C], with one
};

}  // namespace arzoo::image
