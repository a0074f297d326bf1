#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

/// Choosing tokens from a model's logits: guidance, filters, sampling. For images, text and drafts alike.
/// B samples, N tokens of each, V codes.

namespace arzoo::nn {

enum class FilterStep { temperature, top_k, top_p };

/// How top_p treats the code at the border. The most likely code always stays.
enum class TopPRule {
  /// Codes go, the least likely first (of equal ones the lower number), while their probabilities sum to at
  /// most 1 - top_p.
  from_below,
  /// Codes stay, the most likely first (of equal ones the lower number), while the probabilities of those
  /// before them sum to at most top_p (nucleus sampling, Holtzman et al., 2020).
  from_above
};

/// In which order a model's official code applies the filters: a temperature before top_p makes the set of
/// codes depend on it. Chosen once, where a model's sampling options are read.
struct FilterRules {
  std::array<FilterStep, 3> order;
  TopPRule top_p;
};
/// VAR: top_k, top_p, and the temperature last.
inline constexpr FilterRules kTemperatureLast{{FilterStep::top_k, FilterStep::top_p, FilterStep::temperature},
                                              TopPRule::from_below};
/// LlamaGen: the temperature first.
inline constexpr FilterRules kTemperatureFirst{
    {FilterStep::temperature, FilterStep::top_k, FilterStep::top_p}, TopPRule::from_above};

/// Which codes may be sampled, and with what temperature.
struct TokenSampling {
  int64_t top_k = 0;   ///< the k most likely, ties included; 0: all
  double top_p = 0.0;  ///< the most likely that together have this probability; 0: all
  /// Divides the logits; at most kGreedy: the most likely code alone (of equal ones the lowest).
  double temperature = 1.0;
  FilterRules rules = kTemperatureLast;

  static constexpr double kGreedy = 1e-5;
};

/// Sets the logits of codes that may not be sampled to -inf and divides the others by the temperature, in
/// place. top_p is of the codes that are left when its turn comes. logits: [..., V] fp32, contiguous.
void filter_logits(at::Tensor& logits, const TokenSampling& sampling);
/// The same by sorting whole rows, which is what a GPU is good at; anywhere.
void filter_logits_by_sorting(at::Tensor& logits, const TokenSampling& sampling);

/// The code of each row at which the cumulative softmax passes the row's uniform number: [...] long. On a
/// CPU. logits: [..., V] fp32; uniform: [...] double in (0, 1).
at::Tensor pick_codes(const at::Tensor& logits, const at::Tensor& uniform);
/// The same by running sums, anywhere: the same code unless the number lies within a rounding of a border.
at::Tensor pick_codes_by_sums(const at::Tensor& logits, const at::Tensor& uniform);

/// Classifier-free guidance (Ho and Salimans, 2022): at scale 1 the conditional logits alone, at 0 the
/// unconditional ones.
at::Tensor guided(const at::Tensor& conditional, const at::Tensor& unconditional, double scale);
/// The same with the scale counted from 0, as in VAR: `excess` is a number, or a tensor that is broadcast.
template <class Scale>
at::Tensor guided_beyond(const at::Tensor& conditional, const at::Tensor& unconditional,
                         const Scale& excess) {
  return conditional * (1.0 + excess) - unconditional * excess;
}

/// Where the random numbers of a generation come from. Tokens are counted over the whole sample: over all
/// scales of an image.
class TokenRandomInputs {
 public:
  virtual ~TokenRandomInputs() = default;
  /// One code per token from softmax(logits), [B, N] long. logits: [B, N, V] of the tokens from `first` on.
  virtual at::Tensor pick(const at::Tensor& logits, int64_t first) = 0;
  /// Samples of the standard exponential distribution, of the same shape as logits.
  virtual at::Tensor exponentials(const at::Tensor& logits, int64_t first) = 0;
};

/// A stream of its own for each sample: it depends on its seed, not on the batch or the threads. Codes are
/// sampled where the logits are.
class SeededRandomInputs : public TokenRandomInputs {
 public:
  /// One seed per sample of the batch.
  explicit SeededRandomInputs(std::vector<uint64_t> seeds) : seeds_(std::move(seeds)) {}
  at::Tensor pick(const at::Tensor& logits, int64_t first) override;
  at::Tensor exponentials(const at::Tensor& logits, int64_t first) override;

 private:
  const at::Tensor& streams_on(at::Device device);

  std::vector<uint64_t> seeds_;
  at::Tensor streams_;  ///< the seeds, where they were used last
};

/// The numbers that another program generated: exponential variates e, [B, L, V], with which its multinomial
/// sample is the code of the largest p / e.
class ReplayedRandomInputs : public TokenRandomInputs {
 public:
  /// `smoothing`: the variates of more_smooth, may be undefined.
  explicit ReplayedRandomInputs(at::Tensor picking, at::Tensor smoothing = {})
      : picking_(std::move(picking)), smoothing_(std::move(smoothing)) {}
  at::Tensor pick(const at::Tensor& logits, int64_t first) override;
  at::Tensor exponentials(const at::Tensor& logits, int64_t first) override;

 private:
  at::Tensor picking_, smoothing_;
};

}  // namespace arzoo::nn
