#pragma once

#include "image/block_modulation.h"
#include "image/flowar.h"
#include "image/grid_attention.h"
#include "nn/adaln.h"
#include "nn/rms_norm.h"
#include "nn/timestep_embedder.h"

namespace arzoo::image {

/// What the flow network knows of one scale before any time is given: made once, used at every step.
struct FlowCondition {
  int64_t side = 0;
  at::Tensor embedded;                                    ///< cond_embed(z), [B, N, W]
  std::vector<kernels::RopeAngles> angles, cross_angles;  ///< of each block
  std::vector<GridCrossAttention::KeysValues> seen;       ///< of each block with cross-attention

  /// The first `samples` of it.
  FlowCondition first(int64_t samples) const;
};

/// What the norms of a step's blocks need.
struct FlowModulation {
  std::vector<BlockModulation> blocks;
  kernels::Modulation last;

  /// That of row `step` of several steps that were computed together, for its first `samples`.
  FlowModulation of_step(int64_t step, int64_t samples) const;
};

/// A block of the flow network. "Spatial adaLN": every token has a modulation of its own.
class FlowBlock : public torch::nn::Module {
 public:
  FlowBlock(const FlowArOptions& options);

  /// time: the embedded time, [S, 1, 1, W] for S steps or samples; condition: [1 or S, B, N, W] of each
  /// token. Returns [S, B, N or 1, W] each.
  BlockModulation modulation(const at::Tensor& time, const at::Tensor& condition) const;
  /// z, [B, N, D], as the cross-attention sees it.
  GridCrossAttention::KeysValues keys_values(const at::Tensor& z, const kernels::RopeAngles& angles) const;

  /// Under autograd: x + gate1 attention(…), x + cross-attention(…), x + gate2 mlp(…). x: [B, N, W].
  at::Tensor forward(const at::Tensor& x, const BlockModulation& modulation, const FlowCondition& condition,
                     std::size_t index) const;
  /// What the block's cross-attention adds to x.
  at::Tensor cross_branch(const at::Tensor& x, const FlowCondition& condition, std::size_t index) const;

  const GridAttention& attention() const { return *attn_; }
  const GegluMlp& mlp() const { return *mlp_; }
  bool is_cross() const { return crossattn_ != nullptr; }
  const GridCrossAttention& cross_attention() const { return *crossattn_; }

 private:
  std::shared_ptr<GridAttention> attn_;
  std::shared_ptr<GegluMlp> mlp_;
  std::shared_ptr<nn::LinearLayer> ada_lin_, ada_lin_attn_, ada_lin_mlp_;
  std::shared_ptr<GridCrossAttention> crossattn_;
  std::shared_ptr<nn::RmsNorm> norm2_1_, norm2_2_;
};

/// FlowAR's flow network: which way the noisy tokens of one scale should move (Lipman et al., Flow matching,
/// ICLR 2023).
class FlowNet : public torch::nn::Module {
 public:
  explicit FlowNet(const FlowArOptions& options);

  /// z: [B, N, D], of a scale of side x side = N tokens.
  FlowCondition prepare(const at::Tensor& z, int64_t side) const;
  /// The embedding of times in [0, 1], which are cut to thousandths: [S, W].
  at::Tensor embedded_times(const at::Tensor& times) const;
  /// Of S steps at once. times: embedded, [S, 1, 1, W], or [1, B, 1, W] where each sample has its own. Each
  /// member is [S, B, N or 1, W].
  FlowModulation modulations(const at::Tensor& times, const FlowCondition& condition) const;
  /// The velocity, [B, N, C] fp32, at x [B, N, C]. modulation: of one step, [B, N or 1, W] each.
  at::Tensor velocity(const at::Tensor& x, const FlowModulation& modulation,
                      const FlowCondition& condition) const;
  /// The same with a time of its own for each sample: times [B].
  at::Tensor velocity_at(const at::Tensor& x, const at::Tensor& times, const FlowCondition& condition) const;
  /// The same under autograd.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& times, const FlowCondition& condition) const;

  const std::vector<std::shared_ptr<FlowBlock>>& blocks() const { return blocks_; }
  /// The type of the linear maps inside the blocks, for inference.
  void set_type(at::ScalarType type);

 private:
  at::ScalarType type_ = at::kFloat;
  std::shared_ptr<nn::TimestepEmbedder> time_embed_;
  std::shared_ptr<nn::LinearLayer> cond_embed_, input_proj_, linear_;
  std::vector<std::shared_ptr<FlowBlock>> blocks_;
  std::shared_ptr<nn::AdaLnModulation> last_map_;
};

/// Times in [0, 1] as the network tells them apart: thousandths, cut off, [S] float.
at::Tensor time_steps(const at::Tensor& times);

}  // namespace arzoo::image
