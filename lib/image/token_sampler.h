#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace arzoo::image {

/// Which codes may be sampled, and with what temperature.
struct TokenSampling {
  int64_t top_k = 0;         ///< the k most likely, ties included; 0: all
  double top_p = 0.0;        ///< the most likely that together have this probability; 0: all
  double temperature = 1.0;  ///< divides the remaining logits
};

/// Sets the logits of codes that may not be sampled to -inf, in place, and divides the rest by the
/// temperature.
///
/// As in VAR's official code: first top_k, then top_p of the remaining codes: it removes codes from the least
/// likely up (of equal ones the lower number first) while their probabilities sum to at most 1 - top_p; the
/// most likely always stays. logits: [..., V] fp32, contiguous.
void keep_likely(at::Tensor& logits, const TokenSampling& sampling);
/// The same by sorting whole rows, which is what a GPU is good at; anywhere.
void keep_likely_by_sorting(at::Tensor& logits, const TokenSampling& sampling);

/// Where the random numbers of a generation come from. Tokens are counted over all scales.
class TokenRandomInputs {
 public:
  virtual ~TokenRandomInputs() = default;
  /// One code per token from softmax(logits), [B, N] long. logits: [B, N, V] of the tokens from `first` on.
  virtual at::Tensor pick(const at::Tensor& logits, int64_t first) = 0;
  /// Samples of the standard exponential distribution, of the same shape as logits.
  virtual at::Tensor exponentials(const at::Tensor& logits, int64_t first) = 0;
};

/// A stream of its own for each image: a picture depends on its seed, not on the batch or the threads.
class SeededRandomInputs : public TokenRandomInputs {
 public:
  /// One seed per image of the batch.
  explicit SeededRandomInputs(std::vector<uint64_t> seeds) : seeds_(std::move(seeds)) {}
  at::Tensor pick(const at::Tensor& logits, int64_t first) override;
  at::Tensor exponentials(const at::Tensor& logits, int64_t first) override;

 private:
  std::vector<uint64_t> seeds_;
};

/// The numbers that another program generated: exponential variates e, [B, L, V], with which its multinomial
/// sample is the code of the largest p / e.
class ReplayedRandomInputs : public TokenRandomInputs {
 public:
  /// Both on the CPU, where codes are sampled; `smoothing`: the variates of more_smooth, may be undefined.
  explicit ReplayedRandomInputs(at::Tensor picking, at::Tensor smoothing = {})
      : picking_(std::move(picking)), smoothing_(std::move(smoothing)) {}
  at::Tensor pick(const at::Tensor& logits, int64_t first) override;
  at::Tensor exponentials(const at::Tensor& logits, int64_t first) override;

 private:
  at::Tensor picking_, smoothing_;
};

}  // namespace arzoo::image
