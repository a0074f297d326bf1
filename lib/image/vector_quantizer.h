#pragma once

#include <torch/nn/module.h>

#include "image/llamagen_vq.h"

namespace arzoo::image {

/// The quantiser of LlamaGen's tokenizer (taming-transformers' with normalised codes; Yu et al., ViT-VQGAN,
/// ICLR 2022). B pictures, C width of a code vector, V codes, h x w tokens. Everything is computed in fp32.
class VectorQuantizer : public torch::nn::Module {
 public:
  explicit VectorQuantizer(const LlamaGenVqOptions& options);

  /// The nearest code of each place, of equally near ones the first: [B, h, w] long. z: [B, C, h, w].
  at::Tensor encode(const at::Tensor& z) const;
  /// The code vectors of ids [B, h, w] as decoding wants them, normalised where the options say so:
  /// [B, C, h, w].
  at::Tensor lookup(const at::Tensor& ids) const;

  /// A pass under autograd.
  struct Pass {
    at::Tensor quantised;            ///< [B, C, h, w], straight through: its gradient is z's
    at::Tensor vq, commit, entropy;  ///< the codebook's losses, weighted
    at::Tensor ids;                  ///< [B, h, w] long
  };
  Pass train_pass(const at::Tensor& z) const;

  /// The official start: uniform, then normalised.
  void initialise();
  /// [V, C], as stored: its rows may be of any length.
  const at::Tensor& codebook() const { return codebook_; }

 private:
  /// Of [..., C].
  at::Tensor normalised(const at::Tensor& rows) const;

  bool l2_norm_;
  double beta_, entropy_ratio_;
  at::Tensor codebook_;
};

}  // namespace arzoo::image
