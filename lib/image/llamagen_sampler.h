#pragma once

#include <atomic>
#include <functional>

#include "image/llamagen_stream.h"
#include "image/llamagen_vq_model.h"
#include "nn/token_sampler.h"

namespace arzoo::image {

/// How pictures are sampled.
struct LlamaGenSampling {
  LlamaGenGuidance guidance;
  nn::TokenSampling tokens = {.rules = nn::kTemperatureFirst};
};
LlamaGenSampling llamagen_sampling(const LlamaGenGenerationOptions& options);

/// Tokens that are given instead of sampled: [1 or B, L] long, and bool, true where they count.
struct GivenTokens {
  at::Tensor ids, known;
};
/// As nn::TokenDecoding takes them; empty without.
std::function<int64_t(std::size_t row, int64_t place)> places_given(const GivenTokens* given);

/// Equally long rows of tokens as [B, L] long.
at::Tensor token_rows(const std::vector<std::vector<int64_t>>& rows);

/// One token of each picture.
struct LlamaGenStep {
  int64_t token = 0;                   ///< 0, 1, …
  const at::Tensor &logits, &allowed;  ///< [B, V]: guided, and as they were sampled from
  const at::Tensor& ids;               ///< [B] long
};

/// Draws pictures token by token.
class LlamaGenSampler {
 public:
  /// Both must outlive the sampler. Throws CheckpointError when tokenizer and transformer do not fit.
  LlamaGenSampler(LlamaGenVq& vae, const LlamaGen& model);

  /// `given` must outlive the run.
  void keep(const GivenTokens* given) { given_ = given; }
  /// The tokens, [B, L] long, of pictures of these conditions.
  at::Tensor tokens(const LlamaGenCondition& condition, const LlamaGenSampling& sampling,
                    nn::TokenRandomInputs& random_inputs,
                    const std::function<void(const LlamaGenStep&)>& watch = {}) const;
  /// Pictures [B, 3, H, W] in [0, 1] of their first tokens, [B, N] long; what is missing is decoded of zeros.
  at::Tensor pictures(const at::Tensor& ids) const;
  /// What keys and values took in the last run.
  int64_t cache_bytes() const { return cache_bytes_; }

 private:
  LlamaGenVq& vae_;
  const LlamaGen& model_;
  const GivenTokens* given_ = nullptr;
  mutable std::atomic<int64_t> cache_bytes_ = 0;
};

}  // namespace arzoo::image
