#include "shape3d/solids/autobrep_fsq_model.h"

#include <torch/torch.h>

#include "nn/storage_type.h"

namespace arzoo::shape3d {
namespace {

DeepCoderShape coder_shape(const BrepCoderOptions& options, int64_t axes) {
  return {.axes = axes,
          .channels = 3,
          .latent = options.z_dim,
          .stages = options.block_out_channels,
          .layers = options.layers_per_block};
}

}  // namespace

BrepCoder::BrepCoder(const BrepCoderOptions& options, int64_t axes)
    : options_(options), axes_(axes), quantizer_(options.fsq_levels) {
  const auto shape = coder_shape(options, axes);
  encoder_ = register_module("encoder", std::make_shared<DeepEncoder>(shape));
  decoder_ = register_module("decoder", std::make_shared<DeepDecoder>(shape));
  const int64_t z = options.z_dim;
  downsample_ = register_module("downsample", std::make_shared<DeepConv>(axes, z, z, true, /*stride=*/2));
  const int64_t few = axes == 2 ? 4 : 2, many = axes == 2 ? 16 : 4;
  upsample_ = register_module("upsample", torch::nn::Linear(z * few, z * many));
}

BrepCoder::Encoded BrepCoder::encode(const at::Tensor& x) const {
  Encoded result;
  result.latent = encoder_->forward(x);
  result.z = downsample_->forward(result.latent);
  const auto codes = quantizer_.codes(result.z.movedim(1, -1));
  result.ids = quantizer_.ids(codes.detach()).flatten(1);
  result.codes = codes.movedim(-1, 1);
  return result;
}

at::Tensor BrepCoder::decode(const at::Tensor& codes) const {
  std::vector<int64_t> sizes{codes.size(0), options_.z_dim};
  sizes.resize(static_cast<std::size_t>(2 + axes_), 4);
  return decoder_->forward(
      torch::nn::functional::linear(codes.flatten(1), upsample_->weight, upsample_->bias).view(sizes));
}

at::Tensor BrepCoder::decode_ids(const at::Tensor& ids) const {
  const auto codes = quantizer_.opened(ids).to(upsample_->weight.scalar_type()).transpose(1, 2);  // [B, C, N]
  return decode(codes);
}

at::Tensor BrepCoder::loss(const at::Tensor& x) const { return at::mse_loss(decode(encode(x).codes), x); }

void BrepCoder::initialise() {
  for (const auto& part : modules(/*include_self=*/false)) {
    if (auto* convolution = dynamic_cast<DeepConv*>(part.get())) convolution->initialise();
  }
  upsample_->reset_parameters();
}

AutobrepFsq::AutobrepFsq(const AutobrepFsqOptions& options)
    : options_(options),
      surface_(register_module("surface", std::make_shared<BrepCoder>(options.surface, 2))),
      edge_(register_module("edge", std::make_shared<BrepCoder>(options.edge, 1))) {}

void AutobrepFsq::set_type(at::ScalarType type) { nn::set_storage_type(*this, type); }

void AutobrepFsq::initialise() {
  surface_->initialise();
  edge_->initialise();
}

}  // namespace arzoo::shape3d
