#include "image/conv_halves.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include "core/error.h"
#include "nn/storage_type.h"

namespace arzoo::image {
namespace {

/// In inference the kernels want channels last.
at::Tensor laid_out(const at::Tensor& x, at::ScalarType type) {
  const auto typed = x.to(type);
  return at::GradMode::is_enabled() ? typed : typed.contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace

ConvHalves::ConvHalves(torch::nn::Module& owner, std::string name, const nn::ConvCoderOptions& encoder,
                       const nn::ConvCoderOptions& decoder)
    : name_(std::move(name)), factor_(int64_t{1} << (encoder.ch_mult.size() - 1)) {
  encoder_ = owner.register_module("encoder", std::make_shared<nn::ConvEncoder>(encoder));
  decoder_ = owner.register_module("decoder", std::make_shared<nn::ConvDecoder>(decoder));
}

at::Tensor ConvHalves::encode(const at::Tensor& images) {
  if (images.dim() != 4 || images.size(1) != 3 || images.size(2) % factor_ != 0 ||
      images.size(3) % factor_ != 0) {
    fail<DataError>("{}: images of shape [{}], expected [B, 3, H, W] with H and W multiples of {}", name_,
                    fmt::join(images.sizes(), ", "), factor_);
  }
  return encoder_->forward(laid_out(images, type_)).to(at::kFloat);
}

at::Tensor ConvHalves::decode_unclamped(const at::Tensor& z) {
  return decoder_->forward(laid_out(z, type_)).to(at::kFloat).contiguous();
}

at::Tensor ConvHalves::joined(const at::Tensor& codes,
                              const std::function<at::Tensor(const at::Tensor&)>& decode) {
  if (at::GradMode::is_enabled()) return decode(codes).clamp(-1, 1);
  std::vector<at::Tensor> images;
  for (const auto& one : codes.split(1)) images.push_back(decode(one).clamp_(-1, 1));
  return images.size() == 1 ? images.front() : at::cat(images);
}

void ConvHalves::set_type(at::ScalarType type) {
  type_ = type;
  nn::set_storage_type(*encoder_, type);
  nn::set_storage_type(*decoder_, type);
}

}  // namespace arzoo::image
