#pragma once

#include "nn/linear_layer.h"

/// Lookup-free quantisation (Yu et al., MAGVIT-v2, 2023), as vector-quantize-pytorch's LFQ without a
/// spherical codebook. D width, V = 2^bits codes.
namespace arzoo::shape3d {

/// Weights of its losses.
struct LookupFreeWeights {
  double inv_temperature = 100.0;   ///< sharpness of a token's distribution over the codes
  double diversity_gamma = 1.0;     ///< of the mean distribution's entropy
  double entropy_weight = 0.1;      ///< of both entropies
  double commitment_weight = 0.25;  ///< of the distance to the code
  double log_clamp = 1e-5;          ///< least argument of the entropies' logarithms
};

/// A token is the signs of so many numbers, the first of which is its highest bit.
class LookupFreeQuantizer : public torch::nn::Module {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  LookupFreeQuantizer(int64_t width, int64_t bits, const LookupFreeWeights& weights);

  int64_t codes() const { return int64_t{1} << bits_; }
  /// The numbers whose signs count, [..., bits] fp32, of x [..., D].
  at::Tensor numbers(const at::Tensor& x) const;
  /// Tokens [...] long of such numbers.
  at::Tensor tokens(const at::Tensor& numbers) const;
  /// What tokens stand for: [..., D] of ids [...] long.
  at::Tensor lookup(const at::Tensor& ids) const;

  /// A pass under autograd.
  struct Pass {
    at::Tensor quantised;  ///< [..., D], straight through
    at::Tensor ids;        ///< [...] long
    at::Tensor numbers;    ///< [..., bits]
    at::Tensor per_sample_entropy, codebook_entropy, commitment;
    at::Tensor loss;  ///< of all three, weighted
  };
  Pass train_pass(const at::Tensor& x) const;

  /// Normal weights of this deviation, zero biases.
  void initialise(double stddev);

 private:
  /// +1 and -1, [V, bits] of all codes or [..., bits] of ids.
  at::Tensor signs(const at::Tensor& ids) const;
  std::pair<at::Tensor, at::Tensor> entropies(const at::Tensor& numbers) const;

  int64_t bits_;
  LookupFreeWeights weights_;
  std::shared_ptr<nn::LinearLayer> project_in_, project_out_;
};

}  // namespace arzoo::shape3d
