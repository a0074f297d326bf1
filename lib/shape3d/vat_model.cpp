#include "shape3d/vat_model.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/conv_blocks.h"
#include "nn/storage_type.h"
#include "shape3d/fourier_embedding.h"
#include "shape3d/linear_start.h"
#include "shape3d/occupancy_metrics.h"
#include "shape3d/unet_2d.h"

namespace arzoo::shape3d {
namespace {

constexpr double kVatInitScale = 0.25;

FourierOptions embedding_of(const VatOptions& options) { return {.num_freqs = options.num_freqs}; }

}  // namespace

VatQuantizer::VatQuantizer(const VatOptions& options) {
  codebook_ = register_parameter("codebook", at::empty({options.codes, options.embed_dim}));
  to_gauss_ =
      register_module("to_gauss", std::make_shared<nn::LinearLayer>(options.width, 2 * options.embed_dim));
  from_code_ =
      register_module("from_code", std::make_shared<nn::LinearLayer>(options.embed_dim, options.width));
}

nn::DiagonalGaussian VatQuantizer::gaussian(const at::Tensor& latents) const {
  return nn::DiagonalGaussian::of_moments(to_gauss_->forward(latents.to(to_gauss_->type())), 2);
}

void VatQuantizer::initialise() {
  const torch::NoGradGuard no_grad;
  codebook_.normal_();
  initialise_default(*to_gauss_);
  initialise_default(*from_code_);
}

Vat::Vat(const VatOptions& options)
    : options_(options),
      rows_(options.scales, options.beta),
      ln_post_(perceiver_norm(options.width)),
      ln_dec_(perceiver_norm(options.width)) {
  const PerceiverOptions blocks{options.width, options.heads};
  input_proj_ = register_module(
      "input_proj", std::make_shared<nn::LinearLayer>(embedding_of(options).dim() + 3, options.width));
  latents_ = register_parameter("latents", at::empty({options.num_latents, options.width}));
  encoder_ =
      register_module("encoder", std::make_shared<PerceiverTransformer>(blocks, options.num_encoder_layers));
  register_module("ln_post", ln_post_);
  quant_ = register_module("quant", std::make_shared<VatQuantizer>(options));
  planes_ = register_parameter("planes",
                               at::empty({3 * options.plane_tokens * options.plane_tokens, options.width}));
  decoder_ =
      register_module("decoder", std::make_shared<PerceiverTransformer>(blocks, options.num_decoder_layers));
  register_module("ln_dec", ln_dec_);
  const auto up = register_module("up", std::make_shared<torch::nn::Module>());
  const auto& channels = options.plane_channels;
  int place = 0;
  int64_t in = options.width;
  for (const int64_t out : channels) {
    up_.push_back(up->register_module(std::to_string(place), nn::convolution3x3(in, out)));
    place += 3;
    in = out;
  }
  up_.push_back(up->register_module(std::to_string(place - 1), pointwise_convolution(in, in)));
  const auto mlp = register_module("mlp", std::make_shared<torch::nn::Module>());
  const int64_t hidden = options.mlp_width, sizes[] = {3 * in, hidden, hidden, 1};
  for (int i = 0; i < 3; ++i)
    mlp_.push_back(mlp->register_module(std::to_string(2 * i),
                                        std::make_shared<nn::LinearLayer>(sizes[i], sizes[i + 1])));
}

nn::DiagonalGaussian Vat::encode(const at::Tensor& surface, at::Tensor* kept) const {
  const auto places = fourier_embedding(surface.narrow(2, 0, 3), embedding_of(options_));
  const auto data = input_proj_->forward(at::cat({places, surface.narrow(2, 3, 3)}, 2)).to(type_);
  const auto own = latents_.to(type_).expand({surface.size(0), -1, -1});
  const auto passed = encoder_->forward(at::cat({data, own}, 1));
  const int64_t count = options_.num_latents;
  const auto latents = normed(passed.narrow(1, passed.size(1) - count, count), ln_post_);
  if (kept != nullptr) *kept = latents;
  return quant_->gaussian(latents);
}

at::Tensor Vat::planes(const at::Tensor& z) const {
  const int64_t batch = z.size(0), side = options_.plane_tokens, places = 3 * side * side;
  const auto own = planes_.to(type_).expand({batch, -1, -1});
  const auto passed = decoder_->forward(at::cat({quant_->widened(z).to(type_), own}, 1));
  const auto tokens = normed(passed.narrow(1, passed.size(1) - places, places), ln_dec_);
  auto maps = tokens.reshape({batch * 3, side, side, options_.width}).permute({0, 3, 1, 2});
  for (std::size_t i = 0; i < up_.size(); ++i) {
    if (i > 0 && i + 1 < up_.size()) maps = doubled(maps);
    maps = up_[i]->forward(maps);
    if (i + 1 < up_.size()) maps = at::silu(maps);
  }
  return maps.to(at::kFloat).reshape({batch, 3, maps.size(1), maps.size(2), maps.size(3)});
}

at::Tensor Vat::query(const at::Tensor& points, const at::Tensor& planes) const {
  std::vector<at::Tensor> features;
  for (std::size_t plane = 0; plane < 3; ++plane)
    features.push_back(
        sample_plane(planes.select(1, static_cast<int64_t>(plane)), plane_coordinates(points, plane)));
  auto hidden = mlp_[0]->forward(at::cat(features, 2), kernels::Activation::silu);
  hidden = mlp_[1]->forward(hidden, kernels::Activation::silu);
  return mlp_[2]->forward(hidden).squeeze(2);
}

runtime::Losses Vat::loss(const ShapeBatch& batch, const at::Tensor& noise, bool quantised) const {
  const auto posterior = encode(batch.clouds.levels.front());
  auto z = posterior.sample(noise);
  auto vq = at::zeros({}, z.options().requires_grad(false));
  at::Tensor ids;
  if (quantised) {
    const auto pass = this->quantised(z);
    z = pass.quantised;
    vq = pass.loss;
    ids = pass.ids;
  }
  const auto logits = query(batch.points, planes(z));
  const auto bce = at::binary_cross_entropy_with_logits(logits, batch.occupancies);
  const auto kl = posterior.kl().mean();
  const auto statistics = [logits = logits.detach(), labels = batch.occupancies, ids]() -> runtime::Metrics {
    runtime::Metrics metrics{{"iou", occupancy_iou(logits, labels).mean().item<double>()}};
    if (ids.defined())
      metrics.emplace_back("codes", static_cast<double>(std::get<0>(at::_unique(ids)).numel()));
    return metrics;
  };
  return {bce + options_.lambda_kl * kl + options_.lambda_vq * vq,
          {{"bce", bce.detach()}, {"kl", kl.detach()}, {"vq", vq.detach()}},
          statistics,
          static_cast<double>(batch.points.size(0))};
}

void Vat::revive(const at::Tensor& surface, bool all) {
  const torch::NoGradGuard no_grad;
  const auto z = encode(surface).mean;
  auto unused = at::ones({options_.codes}, at::TensorOptions(at::kBool).device(z.device()));
  auto codebook = quant_->codebook();
  // A codebook that is sampled anew has not coded anything yet.
  if (all) {
    codebook.zero_();
  } else {
    unused.index_fill_(0, quantised(z).ids.flatten(), false);
  }
  std::vector<at::Tensor> wanted;
  for (const auto& rest : rows_.rests(z, codebook)) wanted.push_back(rest.flatten(0, 1));
  const auto candidates = at::cat(wanted);
  const auto places = unused.nonzero().flatten();
  const auto chosen = at::randint(candidates.size(0), places.sizes(), at::kLong).to(z.device());
  codebook.index_copy_(0, places, candidates.index_select(0, chosen));
}

at::Tensor Vat::code(const SurfaceClouds& clouds) {
  return quantised(encode(clouds.levels.front()).mean).ids;
}

std::vector<at::Tensor> Vat::opened(const at::Tensor& code) { return {planes(sum_of(code))}; }

at::Tensor Vat::empty_sum(int64_t batch) const {
  return at::zeros({batch, options_.num_latents, options_.embed_dim},
                   quant_->codebook().options().requires_grad(false));
}

at::Tensor Vat::with_scale(const at::Tensor& sum, const at::Tensor& ids, std::size_t k) const {
  return sum + rows_.spread(ids, quant_->codebook(), k);
}

at::Tensor Vat::next_input(const at::Tensor& sum, std::size_t k) const { return rows_.shrunk(sum, k); }

void Vat::initialise() {
  const torch::NoGradGuard no_grad;
  const double stddev = kVatInitScale * std::sqrt(1.0 / static_cast<double>(options_.width));
  constexpr double kVatTable = 0.02;
  initialise_default(*input_proj_);
  initialise_blocks(*encoder_, stddev);
  initialise_blocks(*decoder_, stddev);
  latents_.normal_(0.0, kVatTable);
  planes_.normal_(0.0, kVatTable);
  quant_->initialise();
  for (const auto& convolution : up_) convolution->initialise();
  for (const auto& layer : mlp_) initialise_default(*layer);
}

void Vat::set_type(at::ScalarType type) {
  type_ = type;
  for (torch::nn::Module* part :
       {static_cast<torch::nn::Module*>(encoder_.get()), static_cast<torch::nn::Module*>(decoder_.get()),
        static_cast<torch::nn::Module*>(ln_post_.get()), static_cast<torch::nn::Module*>(ln_dec_.get())})
    nn::set_storage_type(*part, type);
  for (const auto& convolution : up_) nn::set_storage_type(*convolution, type);
}

}  // namespace arzoo::shape3d
