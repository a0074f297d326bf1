#pragma once

#include <torch/nn/module.h>

#include "image/frequency_bands.h"
#include "image/vqvae.h"
#include "nn/conv2d.h"
#include "nn/nearest_codes.h"

namespace arzoo::image {

/// Which of `phis` convolutions each of `scales` scales uses: the one whose tick lies nearest to the scale's
/// place in [0, 1], the first of two that are equally near. In double, as in the official code, where ties
/// are decided by rounding. scales >= 2; phis >= 1.
std::vector<int64_t> phi_indices(int64_t scales, int64_t phis);

using nn::nearest_codes;

/// The residual multi-scale quantiser of VAR (Tian et al. 2024, Algorithms 1 and 2): a feature map is coded
/// by token maps, coarse to fine, each of which codes what the ones before left over. With a band_rule
/// (NFIG, arXiv 2503.07076, eq. 3) that of the feature map low-passed up to the token map's band.
///
/// Notation: z features of width `z_channels`, f_hat the sum so far, both [B, z, h, w]; the finest grid is
/// h x w. Everything is computed in fp32.
class ResidualQuantizer : public torch::nn::Module {
 public:
  explicit ResidualQuantizer(const VqvaeOptions& options);

  /// What a feature map was coded to.
  struct Code {
    std::vector<at::Tensor> ids;    ///< of each scale, [B, tokens] long
    std::vector<at::Tensor> f_hat;  ///< the sum after each scale
  };
  /// f: [B, z, h, w]; the last grid must be h x w.
  Code encode(const at::Tensor& f, const Grids& grids) const;
  /// What the token maps up to each scale code of f: f low-passed, or f itself of each without a band_rule.
  /// f: [B, z, h, w]; under autograd.
  std::vector<at::Tensor> targets(const at::Tensor& f, const Grids& grids) const;

  /// The code vectors of one token map: ids [B, tokens] → [B, z, height, width].
  at::Tensor lookup(const at::Tensor& ids, const Grid& grid) const;
  /// f_hat += phi_k(code, resized to f_hat's size), for scale k of `scales`. code: [B, z, p, p].
  void add_scale(at::Tensor& f_hat, const at::Tensor& code, int64_t k, int64_t scales) const;
  /// What the transformer sees of the next scale: f_hat averaged down to its grid, [B, tokens, z].
  static at::Tensor next_input(const at::Tensor& f_hat, const Grid& grid);
  /// next_input of the scales after the first, when the maps before them are the given ones: [B, L - tokens
  /// of the first, z].
  at::Tensor teacher_input(const std::vector<at::Tensor>& ids, const Grids& grids) const;
  /// The code vectors of token maps of the first scales, [B, their tokens, z].
  at::Tensor vectors(const std::vector<at::Tensor>& ids) const;
  /// teacher_input of vectors [B, L, z] that may be any, not just code vectors.
  at::Tensor inputs_of(const at::Tensor& vectors, const Grids& grids) const;
  /// The sum of all scales of any vectors, [B, z, h, w]; under autograd.
  at::Tensor sum_of(const at::Tensor& vectors, const Grids& grids) const;
  /// The sum after each scale, of given token maps.
  std::vector<at::Tensor> sums(const std::vector<at::Tensor>& ids, const Grids& grids) const;

  /// A training pass, under autograd.
  struct Pass {
    at::Tensor f_hat;             ///< straight through: its gradient is f's
    at::Tensor loss;              ///< codebook and commitment loss, the mean over the scales
    std::vector<at::Tensor> ids;  ///< of each scale, [B, tokens] long
  };
  Pass train_pass(const at::Tensor& f, const Grids& grids) const;

  /// Counts the codes of a training batch into ema_vocab_hit_SV, an average over the last hundred batches or
  /// so: officially a statistic, here also what tells used code vectors from unused ones.
  void count_uses(const std::vector<at::Tensor>& ids, bool first);
  /// How often each code was used lately, [V], all scales together; all zero before the first batch.
  at::Tensor uses() const { return uses_.sum(0); }
  /// Moves the code vectors that `unused`, [V] bool, marks to where vectors are needed: to features, each
  /// averaged down to the grid of some scale, minus the sum of the scales before it. The features are sampled
  /// with the default generator.
  void replace_codes(const at::Tensor& unused, const at::Tensor& f, const Grids& grids);

  /// As torch's Embedding and Conv2d start.
  void initialise();
  const at::Tensor& codebook() const { return codebook_; }

 private:
  at::Tensor add_band(const at::Tensor& rest, const std::vector<at::Tensor>& targets, int64_t k) const;
  at::Tensor nearest(const at::Tensor& rest, const Grid& grid) const;
  at::Tensor no_sum(const at::Tensor& like, const Grid& finest) const;
  at::Tensor phi(const at::Tensor& h, int64_t k, int64_t scales) const;
  at::Tensor upsampled(const at::Tensor& code, at::IntArrayRef size, int64_t k, int64_t scales) const;
  void register_phis(int64_t scales, int64_t shared);

  double beta_, share_;  ///< share_: of the convolution in phi
  bool using_znorm_;
  std::string band_rule_;
  at::Tensor codebook_;                            ///< [V, z]
  at::Tensor uses_;                                ///< [S, V]
  std::vector<std::shared_ptr<nn::Conv2d>> phis_;  ///< none where phi is the identity
};

}  // namespace arzoo::image
