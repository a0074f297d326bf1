#pragma once

#include "nn/token_sampler.h"

namespace arzoo::nn {

/// Sampling as a race: the code of the largest p / e, with e of the standard exponential distribution, which
/// is a sample of p (Gumbel's maximum; Yellott, 1977). As in torch.multinomial.
///
/// e is a function of a sample's seed, the token's place and the code. With the same e, distributions that
/// are nearly the same give the same code with a probability of at least (1 - d) / (1 + d), d their total
/// variation distance: what decoding by Jacobi iterations draws its speed from.
class ExponentialRace : public TokenRandomInputs {
 public:
  /// One seed per sample of the batch.
  explicit ExponentialRace(std::vector<uint64_t> seeds) : numbers_(std::move(seeds)) {}
  at::Tensor pick(const at::Tensor& logits, int64_t first) override;
  at::Tensor exponentials(const at::Tensor& logits, int64_t first) override {
    return numbers_.exponentials(logits, first);
  }

 private:
  SeededRandomInputs numbers_;
};

/// The code of the largest p / e of each row, of equal ones the first: [...] long. p, e: [..., V] float.
at::Tensor race_winners(const at::Tensor& p, const at::Tensor& e);

}  // namespace arzoo::nn
