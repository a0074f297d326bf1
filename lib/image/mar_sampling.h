#pragma once

#include "image/mar_model.h"
#include "nn/masked_sampler.h"
#include "runtime/image_request.h"

namespace arzoo::image {

/// How pictures are sampled: what was asked for, else what the model's folder says, else the published
/// settings.
nn::MaskedSampling mar_sampling(const MarGenerationOptions& options);
/// The same of what was asked for and what a folder says (runtime/generation_options.h).
nn::MaskedSampling mar_sampling(const Json& asked, const Json& folder);

/// Latents that are given instead of sampled.
struct KnownLatents {
  at::Tensor tokens;  ///< [1, L, C]
  at::Tensor known;   ///< [L] bool, true where tokens counts
};

/// Each order, [B, L], with the tokens that are to be generated first, those that are known behind them.
/// known: [L] bool.
at::Tensor unknown_first(const at::Tensor& orders, const at::Tensor& known);

/// Hears of each step; `latents` are those so far.
using LatentWatcher = std::function<void(int64_t step, const at::Tensor& latents)>;

/// Latents [B, z, h, w] of pictures of these classes, [B] long, one seed each, scaled. known: may be null.
at::Tensor sample_mar_latents(const Mar& model, const at::Tensor& labels, const std::vector<uint64_t>& seeds,
                              const nn::MaskedSampling& sampling, const KnownLatents* known = nullptr,
                              const LatentWatcher& watcher = nullptr);

}  // namespace arzoo::image
