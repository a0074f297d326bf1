#pragma once

#include "nn/adaln.h"
#include "nn/diffusion_sampler.h"
#include "nn/timestep_embedder.h"
#include "nn/transformer_block.h"

/// A diffusion transformer over a grid of tokens (Peebles & Xie, DiT, ICCV 2023) as the head of a masked
/// generator (Zheng et al., Hi-MAR, ICML 2025): each token has a condition of its own. B batch, L tokens,
/// C channels of a token, W width, Z width of a condition.
namespace arzoo::nn {

struct DiffusionTransformerOptions {
  int64_t channels = 0;         ///< C
  int64_t condition_width = 0;  ///< Z
  int64_t width = 0, depth = 0, heads = 0;
  double mlp_ratio = 4.0;
  int64_t side = 0;  ///< of the grid: L = side * side
  Prediction prediction = Prediction::epsilon;
};

/// A linear map of each token, with the weight of a 1x1 convolution under the official name "proj".
class PointwiseConvolution : public torch::nn::Module {
 public:
  PointwiseConvolution(int64_t in, int64_t out);
  /// x: [..., in]; returns [..., out].
  at::Tensor forward(const at::Tensor& x) const;
  void initialise();

 private:
  at::Tensor weight_, bias_;  ///< [out, in, 1, 1], [out]
};

/// x += gate * attention(LN(x) (1 + scale) + shift), then the same of a feed-forward layer; the six vectors
/// are a linear map of SiLU of the condition.
class DiffusionTransformerBlock : public torch::nn::Module {
 public:
  explicit DiffusionTransformerBlock(const DiffusionTransformerOptions& options);

  /// x: [B, L, W]; opened: SiLU of the condition, [B, L, W]. Returns [B, L, W].
  at::Tensor forward(const at::Tensor& x, const at::Tensor& opened) const;
  /// [shift, scale, gate] of the attention, then of the feed-forward layer, [B, L, W] each.
  std::vector<at::Tensor> modulation(const at::Tensor& opened) const;
  at::Tensor attention(const at::Tensor& normed) const;
  at::Tensor mlp(const at::Tensor& normed) const;
  const LinearLayer& map() const { return map_->map(); }

 private:
  BlockWeights weights() const;

  TransformerBlock block_;
  std::shared_ptr<LinearLayer> qkv_, proj_, fc1_, fc2_;
  std::shared_ptr<AdaLnModulation> map_;
};

/// The network: which noise there is in a noised grid. The official class takes a label and ignores it.
class DiffusionTransformer : public torch::nn::Module {
 public:
  explicit DiffusionTransformer(const DiffusionTransformerOptions& options);

  /// The noise, [B, L, C], in x [B, L, C] at original timesteps t [B] under z [B, L, Z].
  at::Tensor forward(const at::Tensor& x, const at::Tensor& t, const at::Tensor& z) const;

  /// What the blocks see of x, [B, L, W].
  at::Tensor embedded(const at::Tensor& x) const;
  /// z as it is added to the embedded time, [B, L, W].
  at::Tensor condition(const at::Tensor& z) const { return c_embedder_->forward(z); }
  /// [T] to [T, W].
  at::Tensor times(const at::Tensor& t) const { return t_embedder_->forward(t); }
  /// forward() in inference, in fp32. time: [W] or [B, 1, W], of times(); condition: [B, L, W].
  at::Tensor estimate(const at::Tensor& x, const at::Tensor& time, const at::Tensor& condition) const;

  const std::vector<std::shared_ptr<DiffusionTransformerBlock>>& blocks() const { return blocks_; }
  const DiffusionTransformerOptions& options() const { return options_; }
  /// The type of the linear maps, for inference; embeddings of tokens and conditions stay in fp32.
  void set_type(at::ScalarType type);
  /// The official start: Xavier's weights, N(0, 0.02) in the time embedding, zeros in modulations and the
  /// last map.
  void initialise();

 private:
  at::ScalarType type() const { return linear_->type(); }

  DiffusionTransformerOptions options_;
  at::Tensor pos_embed_, c_pos_embed_;  ///< [1, L, W], fixed; the second is unused
  std::shared_ptr<PointwiseConvolution> x_embedder_, c_embedder_;
  std::shared_ptr<TimestepEmbedder> t_embedder_;
  std::vector<std::shared_ptr<DiffusionTransformerBlock>> blocks_;
  std::shared_ptr<AdaLnModulation> final_map_;
  std::shared_ptr<LinearLayer> linear_;
};

/// Tokens of a grid that are given.
struct KnownGrid {
  at::Tensor tokens;  ///< [B, L, C]
  at::Tensor known;   ///< [B, L] bool, true where tokens counts
};

/// The network under its official name, "net", and what it is for.
class GridDiffusionLoss : public torch::nn::Module {
 public:
  explicit GridDiffusionLoss(const DiffusionTransformerOptions& options);

  /// The mean over all numbers of (masked * (estimate - what is predicted))^2: what is known counts as
  /// without error. target, noise: [B, L, C]; masked: [B, L] float; t: [B] long.
  struct Errors {
    at::Tensor model_output;  ///< [B, L, C]
    at::Tensor mse;           ///< scalar
  };
  Errors errors(const at::Tensor& target, const at::Tensor& z, const at::Tensor& masked, const at::Tensor& t,
                const at::Tensor& noise) const;

  /// Samples grids under z, [B, L, Z]; where noise is added, its variances are fixed and large. With
  /// guidance, z holds rows with a condition and, behind them, as many without. Before every step the known
  /// tokens of x become themselves with the first noise in them. random_inputs: [B or 2 B, L, C], of as many
  /// rows as are followed. Returns them, fp32.
  at::Tensor sample(const at::Tensor& z, const DiffusionSchedule& schedule, const Denoising& how,
                    const DiffusionRandomInputs& random_inputs, const KnownGrid* known = nullptr) const;

  DiffusionTransformer& net() const { return *net_; }

 private:
  std::shared_ptr<DiffusionTransformer> net_;
};

/// The fixed positions of a grid, [side * side, width] float: half of a row for the column, half for the row,
/// each [sin | cos] of position * 10000^(-i / (width / 4)) (He et al., MAE, CVPR 2022). width: a multiple
/// of 4.
at::Tensor grid_position_table(int64_t side, int64_t width);

}  // namespace arzoo::nn
