#pragma once

#include "kernels/modulated_norm.h"
#include "nn/adaln.h"
#include "nn/diffusion_sampler.h"
#include "nn/diffusion_schedule.h"
#include "nn/timestep_embedder.h"

/// The diffusion loss of MAR (Li et al., NeurIPS 2024, Sec. 3): a small network denoises one token at a time,
/// given the transformer's output for it.
namespace arzoo::nn {

struct DiffusionHeadOptions {
  int64_t channels = 0;         ///< C, of a token
  int64_t condition_width = 0;  ///< Z
  int64_t width = 0, depth = 0;
  int64_t outputs = 0;  ///< numbers of an estimate; 0: 2 C, what is predicted and what becomes its variance
  Prediction prediction = Prediction::epsilon;
};

/// x + gate * mlp(LN(x) * (1 + scale) + shift).
class DiffusionHeadBlock : public torch::nn::Module {
 public:
  explicit DiffusionHeadBlock(int64_t width);
  /// x: [N, W]; opened: SiLU of the condition, [N, W].
  at::Tensor forward(const at::Tensor& x, const at::Tensor& opened) const;

  /// The branch without its norm: [.., W] to the same.
  at::Tensor mlp(const at::Tensor& normed) const;
  /// To [shift | scale | gate] of SiLU of the condition.
  const AdaLnModulation& map() const { return *map_; }
  /// Of the norm before the branch, [W].
  const at::Tensor& norm_weight() const { return norm_weight_; }
  const at::Tensor& norm_bias() const { return norm_bias_; }
  const LinearLayer& first() const { return *first_; }
  const LinearLayer& second() const { return *second_; }

 private:
  at::Tensor norm_weight_, norm_bias_;
  std::shared_ptr<LinearLayer> first_, second_;
  std::shared_ptr<AdaLnModulation> map_;
};

/// SimpleMLPAdaLN: rows are independent tokens.
class DiffusionHead : public torch::nn::Module, public kernels::PackedForInference {
 public:
  explicit DiffusionHead(const DiffusionHeadOptions& options);

  /// The estimate for noised rows x, [N, C], at original timesteps t, [N], under z, [N, Z]: [N, 2 C].
  at::Tensor forward(const at::Tensor& x, const at::Tensor& t, const at::Tensor& z) const;

  /// All modulations as one linear map of SiLU(condition), with the blocks' norms folded into it: row by row
  /// [shift | scale | gate] of each block, then [shift | scale] of the final layer.
  struct Modulations {
    at::Tensor weight, bias;  ///< [(3 depth + 2) W, W], [(3 depth + 2) W]
  };
  Modulations modulations() const;
  /// Half of a denoising step: the estimate, [N, 2 C] fp32, of rows x under modulations that were computed
  /// beforehand, [N, (3 depth + 2) W].
  at::Tensor estimate(const at::Tensor& x, const at::Tensor& modulation) const;
  /// What an output [N, C or 2 C] for rows x_t at a step of a schedule says of noise and variance.
  template <class Number>
  NoiseEstimate estimate_of(const at::Tensor& output, const at::Tensor& x_t,
                            const StepNumbers<Number>& step) const;
  /// forward() in inference.
  at::Tensor estimate_at(const at::Tensor& x, const at::Tensor& t, const at::Tensor& z) const;

  /// Makes the modulations once.
  void pack() override;
  /// The official start: Xavier's weights, N(0, 0.02) in the time embedding, zeros in modulations and last
  /// map.
  void initialise();

  const TimestepEmbedder& time_embed() const { return *time_embed_; }
  const LinearLayer& cond_embed() const { return *cond_embed_; }
  const DiffusionHeadOptions& options() const { return options_; }

 private:
  DiffusionHeadOptions options_;
  std::shared_ptr<TimestepEmbedder> time_embed_;
  std::shared_ptr<LinearLayer> cond_embed_, input_proj_, linear_;
  std::vector<std::shared_ptr<DiffusionHeadBlock>> blocks_;
  std::shared_ptr<AdaLnModulation> final_map_;
  Modulations packed_;  ///< undefined before pack()
};

/// The head under its official name, "net", and what it is for.
class DiffusionLoss : public torch::nn::Module {
 public:
  explicit DiffusionLoss(const DiffusionHeadOptions& options);

  /// One row each: tokens `target` [N, C] under z [N, Z], noised to original timesteps t [N] with `noise`.
  struct Rows {
    at::Tensor x_t, model_output;  ///< [N, C], [N, 2 C]
    DiffusionErrors errors;
  };
  Rows rows(const at::Tensor& target, const at::Tensor& z, const at::Tensor& t,
            const at::Tensor& noise) const;

  /// sample_diffusion() with the head.
  at::Tensor sample(const at::Tensor& z, const DiffusionSchedule& schedule, const Denoising& how,
                    const DiffusionRandomInputs& random_inputs) const;

  DiffusionHead& net() const { return *net_; }

 private:
  std::shared_ptr<DiffusionHead> net_;
};

}  // namespace arzoo::nn
