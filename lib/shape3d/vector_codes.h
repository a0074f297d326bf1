#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

/// Code vectors that tokens stand for. B shapes, N places, C channels, V codes. Everything is computed in
/// fp32.
namespace arzoo::shape3d {

/// The nearest code of each place (nn/nearest_codes.h). z: [..., C]; codebook: [V, C]; returns [...] long.
at::Tensor nearest(const at::Tensor& z, const at::Tensor& codebook);

/// A token per place (van den Oord et al., VQ-VAE, 2017).
struct CodedVectors {
  at::Tensor quantised;         ///< [..., C], straight through: its gradient is z's
  at::Tensor codebook, commit;  ///< mean squared distances that move the codes, and what they code
  at::Tensor ids;               ///< [...] long
};
/// Under autograd. z: [..., C].
CodedVectors coded(const at::Tensor& z, const at::Tensor& codebook);

/// Rows of tokens of growing length, each of which codes what the ones before left over (VAR's quantiser,
/// Tian et al., 2024, of maps of height 1 and without its convolutions).
class ResidualRows {
 public:
  /// scales: tokens of each row, the last as many as there are places.
  ResidualRows(std::vector<int64_t> scales, double beta) : scales_(std::move(scales)), beta_(beta) {}

  struct Pass {
    at::Tensor quantised;          ///< [B, N, C], straight through
    at::Tensor loss;               ///< codebook loss and beta times the commitment, the mean over the scales
    at::Tensor ids;                ///< [B, T] long
    std::vector<at::Tensor> sums;  ///< after each scale, [B, N, C]
  };
  /// Under autograd. z: [B, N, C].
  Pass pass(const at::Tensor& z, const at::Tensor& codebook) const;
  /// What is left over before each scale, as its tokens see it: [B, its tokens, C].
  std::vector<at::Tensor> rests(const at::Tensor& z, const at::Tensor& codebook) const;
  /// The tokens of scale k, [B, L_k] long, spread over all places: [B, N, C].
  at::Tensor spread(const at::Tensor& ids, const at::Tensor& codebook, std::size_t k) const;
  /// A sum [B, N, C] averaged down to scale k: [B, L_k, C].
  at::Tensor shrunk(const at::Tensor& sum, std::size_t k) const;

 private:
  std::vector<int64_t> scales_;
  double beta_;
};

}  // namespace arzoo::shape3d
