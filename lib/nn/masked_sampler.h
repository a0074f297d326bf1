#pragma once

#include "nn/masked_generator.h"

namespace arzoo::nn {

/// How tokens are sampled.
struct MaskedSampling {
  int64_t num_iter = 64;             ///< steps of the generation, at most one per token
  double cfg = 1.0;                  ///< classifier-free guidance scale, 1 for no guidance
  bool linear_cfg = true;            ///< it grows with the number of known tokens; else it is constant
  double temperature = 1.0;          ///< of the noise in the diffusion head
  int64_t num_sampling_steps = 100;  ///< denoising steps of the head
  double clip = 0.0;                 ///< bound of a token's estimates while it is denoised, 0 for none
  DiffusionSolver solver = DiffusionSolver::ddpm;
};

/// Tokens that stay masked after step `step` of `steps`, of `masked` before it: MaskGIT's cosine (Chang et
/// al., CVPR 2022). At least one token is sampled, and one left for the last step.
int64_t masked_after(int64_t step, int64_t steps, int64_t tokens, int64_t masked);

/// The tokens that a step samples.
struct MaskedPlaces {
  int64_t step = 0;
  at::Tensor index;    ///< [B, Q] long, ascending
  int64_t tokens = 0;  ///< L, of a whole sample

  int64_t rows() const { return index.numel(); }
};

/// Where the random numbers come from. Rows are [B, Q] of the places, sample by sample.
class MaskedNoise {
 public:
  virtual ~MaskedNoise() = default;
  virtual DiffusionRandomInputs random_inputs(const MaskedPlaces& places, int64_t token_width) = 0;
};

/// Numbers that follow from each sample's seed and the token's place alone.
class SeededMaskedNoise : public MaskedNoise {
 public:
  explicit SeededMaskedNoise(std::vector<uint64_t> seeds) : seeds_(std::move(seeds)) {}
  DiffusionRandomInputs random_inputs(const MaskedPlaces& places, int64_t token_width) override;
  /// The samples' orders, [B, L] long.
  at::Tensor orders(int64_t length) const;

 private:
  std::vector<uint64_t> seeds_;
  at::Tensor streams_;  ///< of each token, [B, L] long
};

/// What a step did.
struct MaskedStep {
  int64_t step = 0;
  const at::Tensor& masked;   ///< [B, L] bool, before the step
  const at::Tensor& encoded;  ///< the encoder's result
  const at::Tensor& z;        ///< [B Q or 2 B Q, E]
  const at::Tensor& sampled;  ///< the head's samples
  const at::Tensor& tokens;   ///< [B, L, C] after the step
  double cfg = 1.0;
};

/// What to sample.
struct MaskedRequest {
  at::Tensor condition;   ///< [B, buffer, D]
  at::Tensor orders;      ///< [B, L] long; tokens are sampled from its end to its beginning
  at::Tensor known = {};  ///< [B, L, C], the known tokens
  int64_t masked = -1;    ///< the first so many of each order are not; -1: all
  std::function<void(const MaskedStep&)> observer = nullptr;
};

/// Samples tokens, [B, L, C] fp32.
at::Tensor sample_masked_tokens(const MaskedGenerator& model, const MaskedRequest& request,
                                const MaskedSampling& sampling, MaskedNoise& noise);

}  // namespace arzoo::nn
