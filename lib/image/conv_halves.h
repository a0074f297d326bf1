#pragma once

#include <functional>

#include "nn/conv_coder.h"

namespace arzoo::image {

/// The two convolutional halves of an autoencoder of pictures, which their owner holds as "encoder" and
/// "decoder".
class ConvHalves {
 public:
  /// name: of the owner, for messages.
  ConvHalves(torch::nn::Module& owner, std::string name, const nn::ConvCoderOptions& encoder,
             const nn::ConvCoderOptions& decoder);

  /// Encodes images: [B, z, H / f, W / f] in fp32. Throws DataError unless images are [B, 3, H, W] with H and
  /// W multiples of f = 2^(levels - 1).
  at::Tensor encode(const at::Tensor& images);
  /// Images in [-1, 1], not clamped, of z [B, z, h, w].
  at::Tensor decode_unclamped(const at::Tensor& z);
  /// Images in [-1, 1]; one at a time in inference, so that memory does not grow with the batch.
  template <class Latents>
  at::Tensor decode(const at::Tensor& codes, const Latents& latents_of) {
    return joined(codes, [&](const at::Tensor& some) { return decode_unclamped(latents_of(some)); });
  }

  /// The type of both halves, for inference. Their weights become memory as it comes.
  void set_type(at::ScalarType type);

 private:
  static at::Tensor joined(const at::Tensor& codes,
                           const std::function<at::Tensor(const at::Tensor&)>& decode);

  std::string name_;
  int64_t factor_;
  at::ScalarType type_ = at::kFloat;
  std::shared_ptr<nn::ConvEncoder> encoder_;
  std::shared_ptr<nn::ConvDecoder> decoder_;
};

}  // namespace arzoo::image
