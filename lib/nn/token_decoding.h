#pragma once

#include <functional>
#include <vector>

#include "nn/token_sampler.h"

/// Generation token by token, for text and for token-by-token pictures. B rows, T tokens, V vocabulary.
namespace arzoo::nn {

/// A model in the middle of a generation: it remembers what it has read.
class TokenStream {
 public:
  virtual ~TokenStream() = default;
  /// Reads ids, [B, T] long, that follow what was read; returns the next token's logits, [B, V].
  virtual at::Tensor read(const at::Tensor& ids) = 0;
};

/// How the next token is chosen from its logits, in this order: the repetition penalty, then `sampling`.
struct DecodingRules {
  TokenSampling sampling = {
      .rules = {{FilterStep::temperature, FilterStep::top_k, FilterStep::top_p}, TopPRule::from_below}};
  /// Divides the logit of each id that a row holds, prompt included, where it is positive, and multiplies it
  /// where it is negative (Keskar et al., CTRL, 2019); 1: none.
  double repetition_penalty = 1.0;
  std::vector<int64_t> ends = {};  ///< ids that end a row
  int64_t known = 0;               ///< ids from this one on are never sampled; 0: all may be
};

/// One new token of each row.
struct DecodingStep {
  int64_t index = 0;                   ///< 0, 1, …
  const at::Tensor &logits, &allowed;  ///< [B, V] as the model gave them, and as they were sampled from
  const at::Tensor& ids;               ///< [B] long, on the CPU
};
/// Hears of each step; false ends the generation.
using DecodingWatcher = std::function<bool(const DecodingStep& step)>;

/// Continues the prompt, [B, T] long, T at least 1, by up to `steps` tokens: until every row has had one of
/// the ends. A row that has ended repeats its end. Returns [B, T + new] on the CPU.
at::Tensor decode_tokens(TokenStream& stream, const at::Tensor& prompt, int64_t steps,
                         const DecodingRules& rules, TokenRandomInputs& random_inputs,
                         const DecodingWatcher& watcher = {});

}  // namespace arzoo::nn
