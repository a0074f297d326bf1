#pragma once

#include "image/mar_sampling.h"
#include "image/mmar_model.h"

namespace arzoo::image {

/// How pictures of captions are sampled.
struct MmarSampling {
  int64_t num_iter = 16;
  double cfg = 1.0;
  bool linear_cfg = true;
  int64_t num_sampling_steps = 20;
  double clip = 0.0;
  nn::DiffusionSolver solver = nn::DiffusionSolver::ddim;
};
MmarSampling mmar_sampling(const Json& asked, const Json& folder);

/// Where the first noise of tokens comes from: rows [B Q, C] of the places.
using MmarNoise = std::function<at::Tensor(const nn::MaskedPlaces& places, int64_t channels)>;

/// What a step did.
struct MmarStep {
  int64_t step = 0;
  const at::Tensor& masked;   ///< [B, N] bool, before the step
  const at::Tensor& z;        ///< [B, N, D], with the captions
  const at::Tensor& sampled;  ///< [B Q, C]
  const at::Tensor& tokens;   ///< [B, N, C] after the step
  double cfg = 1.0;
};

struct MmarRequest {
  Captions captions;
  at::Tensor orders;  ///< [B, N] long; tokens are sampled from its end to its beginning
  std::function<void(const MmarStep&)> observer = nullptr;
};

/// Samples image tokens of captions, [B, N, C] fp32: MAR's loop, each token along the probability flow.
at::Tensor sample_mmar_tokens(const Mmar& model, const MmarRequest& request, const MmarSampling& sampling,
                              const MmarNoise& noise);
/// Latents [B, z, h, w] of pictures, one seed each, scaled.
at::Tensor sample_mmar_latents(const Mmar& model, const Captions& captions,
                               const std::vector<uint64_t>& seeds, const MmarSampling& sampling,
                               const LatentWatcher& watcher = nullptr);

/// The most likely captions of pictures word by word, with eos, padded to the longest, [B, at most `most`].
/// tokens: [B, N, C].
at::Tensor describe_tokens(const Mmar& model, const at::Tensor& tokens, int64_t most);
/// The log-likelihood of each caption, eos included, given each picture: [B, captions].
at::Tensor caption_scores(const Mmar& model, const at::Tensor& tokens, const Captions& captions);

}  // namespace arzoo::image
