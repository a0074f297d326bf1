#pragma once

#include "image/conv_halves.h"
#include "image/vector_quantizer.h"

namespace arzoo::image {

/// LlamaGen's tokenizer: images [B, 3, H, W] in [-1, 1] to a map of tokens and back.
///
/// The quantiser computes in fp32 whatever the type of the two convolutional halves (set_type).
class LlamaGenVq : public torch::nn::Module {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  explicit LlamaGenVq(const LlamaGenVqOptions& options);

  const LlamaGenVqOptions& options() const { return options_; }
  const VectorQuantizer& quantizer() const { return *quantize_; }

  /// The features that are quantised, [B, C, H / f, W / f] in fp32. Throws DataError unless images are
  /// [B, 3, H, W] with H and W multiples of f = downsampling().
  at::Tensor features(const at::Tensor& images);
  /// Tokens of images, [B, H / f, W / f] long.
  at::Tensor tokens(const at::Tensor& images);
  /// Images in [-1, 1], not clamped, of quantised vectors [B, C, h, w].
  at::Tensor decode_unclamped(const at::Tensor& quantised);
  /// Images in [-1, 1]; one at a time in inference, so that memory does not grow with the batch.
  at::Tensor decode(const at::Tensor& quantised);
  /// What is left of images that pass through the tokens.
  at::Tensor reconstruct(const at::Tensor& images);

  /// A training pass: the reconstruction (not clamped), the codebook's losses and the tokens.
  struct Pass {
    at::Tensor images;
    VectorQuantizer::Pass code;
  };
  Pass train_pass(const at::Tensor& images);

  /// PyTorch's default weights; the official start of the codebook.
  void initialise();
  /// The type of encoder and decoder, for inference. Their weights become memory as it comes.
  void set_type(at::ScalarType type) { halves_.set_type(type); }
  /// The decoder's last weights, [3, ch, 3, 3].
  at::Tensor last_weights() const;

 private:
  LlamaGenVqOptions options_;
  ConvHalves halves_;
  std::shared_ptr<VectorQuantizer> quantize_;
  std::shared_ptr<nn::Conv2d> quant_conv_, post_quant_conv_;
};

}  // namespace arzoo::image
