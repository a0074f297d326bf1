#pragma once

#include "image/himar_model.h"
#include "image/mar_sampling.h"

namespace arzoo::image {

/// How pictures are sampled.
struct HiMarSampling {
  int64_t pivot_steps = 32, steps = 4;
  double pivot_cfg = 1.0, cfg = 1.0;
  bool linear_cfg = true;
  int64_t pivot_sampling_steps = 100, sampling_steps = 250;  ///< denoising steps of the two heads
  double temperature = 1.0;
  double clip = 0.0;  ///< bound of the estimated tokens, 0 for none
  nn::DiffusionSolver solver = nn::DiffusionSolver::ddpm;
};

/// Of what was asked for and what a folder says (runtime/generation_options.h). cond_scale: decides how many
/// steps the pivots take where nobody says.
HiMarSampling himar_sampling(const HiMarGenerationOptions& options, int64_t cond_scale);
HiMarSampling himar_sampling(const Json& asked, const Json& folder, int64_t cond_scale);

/// Where the random numbers of a generation come from.
class HiMarNoise {
 public:
  virtual ~HiMarNoise() = default;
  /// Of the pivots of these places, rows of C.
  virtual nn::DiffusionRandomInputs pivots(const nn::MaskedPlaces& places, int64_t channels) = 0;
  /// Of all dense tokens in step `step`, [B, L, C].
  virtual nn::DiffusionRandomInputs dense(int64_t step, int64_t tokens, int64_t channels) = 0;
};

/// Numbers that follow from each sample's seed and the token's place alone.
class SeededHiMarNoise : public HiMarNoise {
 public:
  SeededHiMarNoise(std::vector<uint64_t> seeds, at::Device device);
  nn::DiffusionRandomInputs pivots(const nn::MaskedPlaces& places, int64_t channels) override;
  nn::DiffusionRandomInputs dense(int64_t step, int64_t tokens, int64_t channels) override;
  at::Tensor pivot_orders(int64_t pivots) const;
  at::Tensor orders(int64_t tokens) const;

 private:
  std::vector<uint64_t> seeds_;
  at::Device device_;
  nn::SeededMaskedNoise of_pivots_;
};

/// What a step did.
struct HiMarStep {
  HiMar::Phase phase;
  int64_t step = 0;           ///< of the phase
  const at::Tensor& masked;   ///< [B, P or L] bool, before the step
  const at::Tensor& encoded;  ///< the encoder's result; undefined where nothing was left to sample
  const at::Tensor& z;        ///< [rows, D], or [B or 2 B, L, D]
  const at::Tensor& sampled;  ///< the head's samples
  const at::Tensor& tokens;   ///< [B, P or L, C] after the step
  double cfg = 1.0;
};

/// What to sample.
struct HiMarRequest {
  at::Tensor condition;             ///< [B, buffer, D]
  at::Tensor pivot_orders, orders;  ///< [B, P], [B, L] long; tokens are sampled from their ends
  /// Tokens that are known, [B, P, C] and [B, L, C]; undefined: none. Of each order all but the first
  /// `masked` are.
  at::Tensor known_pivots = {}, known = {};
  int64_t masked_pivots = -1, masked = -1;  ///< -1: all
  std::function<void(const HiMarStep&)> observer = nullptr;
};

struct HiMarTokens {
  at::Tensor pivots, z, tokens;  ///< [B, P, C], the pivots' condition vectors [B, P, D], [B, L, C]
};

/// Samples pivots, then dense tokens, fp32.
HiMarTokens sample_himar_tokens(const HiMar& model, const HiMarRequest& request,
                                const HiMarSampling& sampling, HiMarNoise& noise);

/// Both latents of pictures, [B, z, c, c] and [B, z, h, w], scaled.
struct HiMarLatents {
  at::Tensor pivots, dense;
};
/// Latents that are given instead of sampled, of both resolutions.
struct KnownHiMarLatents {
  KnownLatents pivots, dense;
};
/// Latents of pictures of these classes, [B] long, one seed each. watcher: hears of the pivots' steps, with
/// the pivots' latents, then of the others. known: may be null.
HiMarLatents sample_himar_latents(const HiMar& model, const at::Tensor& labels,
                                  const std::vector<uint64_t>& seeds, const HiMarSampling& sampling,
                                  const KnownHiMarLatents* known = nullptr,
                                  const LatentWatcher& watcher = nullptr);

}  // namespace arzoo::image
