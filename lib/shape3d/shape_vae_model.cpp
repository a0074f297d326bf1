#include "shape3d/shape_vae_model.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <cmath>

#include "core/error.h"
#include "nn/storage_type.h"
#include "shape3d/farthest_points.h"
#include "shape3d/linear_start.h"

namespace arzoo::shape3d {
namespace {

PerceiverOptions block_options(const ShapeVaeOptions& options) {
  return {options.width, options.heads, options.qkv_bias};
}

FourierOptions embedding_of(const ShapeVaeOptions& options) {
  return {.num_freqs = options.num_freqs, .include_pi = options.include_pi};
}

void note(runtime::Trace* trace, const char* name, const at::Tensor& value) {
  if (trace != nullptr) trace->emplace_back(name, value);
}

}  // namespace

int64_t ShapeVaeOptions::tokens_of(int64_t points) const {
  return use_downsample ? farthest_count(points, query_ratio()) : num_latents;
}

ShapeEncoder::ShapeEncoder(const ShapeVaeOptions& options) : options_(options) {
  if (!options.use_downsample)
    query_ = register_parameter("query", at::empty({options.num_latents, options.width}));
  const int64_t embedded = embedding_of(options).dim();
  const int64_t in = embedded + (options.embed_point_feats ? embedded : options.point_feats);
  input_proj_ = register_module("input_proj", std::make_shared<nn::LinearLayer>(in, options.width));
  for (int64_t level = 0; level < options.levels(); ++level) {
    const auto name = level == 0 ? std::string("cross_attn") : fmt::format("cross_attn_{}", level + 1);
    cross_.push_back(register_module(name, std::make_shared<PerceiverCrossBlock>(block_options(options))));
  }
  self_attn_ = register_module("self_attn", std::make_shared<PerceiverTransformer>(
                                                block_options(options), options.num_encoder_layers));
  if (options.use_ln_post) ln_post_ = register_module("ln_post", perceiver_norm(options.width));
}

at::Tensor ShapeEncoder::project(const at::Tensor& cloud, runtime::Trace* trace) const {
  const auto embedding = embedding_of(options_);
  const auto places = fourier_embedding(cloud.narrow(2, 0, 3), embedding);
  auto features = cloud.narrow(2, 3, options_.point_feats);
  if (options_.embed_point_feats) features = fourier_embedding(features, embedding);
  const auto data = input_proj_->forward(at::cat({places, features}, 2)).to(type_);
  note(trace, "embed_points", places);
  note(trace, "input_proj", data);
  return data;
}

at::Tensor ShapeEncoder::queries(const SurfaceClouds& clouds, const at::Tensor& data) const {
  if (!options_.use_downsample) return query_.to(type_).expand({data.size(0), -1, -1});
  const auto places = clouds.levels.front().narrow(2, 0, 3);
  const auto chosen =
      farthest_points(places, clouds.fps_start, farthest_count(places.size(1), options_.query_ratio()));
  return data.gather(1, chosen.unsqueeze(2).expand({-1, -1, data.size(2)}));
}

at::Tensor ShapeEncoder::forward(const SurfaceClouds& clouds, runtime::Trace* trace) {
  const auto data = project(clouds.levels.front(), trace);
  const auto query = queries(clouds, data);
  note(trace, "query_tokens", query);
  at::Tensor sum;
  for (std::size_t level = 0; level < cross_.size(); ++level) {
    const auto cloud = level == 0 ? data : project(clouds.levels[level], nullptr);
    const auto tokens = cross_[level]->forward(query, cross_[level]->read(cloud),
                                               level == 0 ? trace : nullptr, "enc_cross_attn_only");
    if (trace != nullptr) trace->emplace_back(fmt::format("level{}", level + 1), tokens);
    sum = sum.defined() ? sum + tokens : tokens;
  }
  note(trace, "enc_cross_block", sum);
  note(trace, "summed", sum);
  const auto tokens = self_attn_->forward(sum, trace, "enc_self_block0");
  return options_.use_ln_post ? ln_post_(tokens) : tokens;
}

void ShapeEncoder::set_type(at::ScalarType type) {
  type_ = type;
  for (const auto& block : cross_) nn::set_storage_type(*block, type);
  nn::set_storage_type(*self_attn_, type);
  if (ln_post_) nn::set_storage_type(*ln_post_, type);
}

void ShapeEncoder::initialise(double stddev) {
  const torch::NoGradGuard no_grad;
  constexpr double kQuery = 0.02;
  initialise_blocks(*this, stddev);
  initialise_default(*input_proj_);
  if (query_.defined()) query_.normal_(0.0, kQuery);
}

ShapeDecoder::ShapeDecoder(const ShapeVaeOptions& options)
    : embedding_(embedding_of(options)), ln_post_(perceiver_norm(options.width)) {
  query_proj_ =
      register_module("query_proj", std::make_shared<nn::LinearLayer>(embedding_.dim(), options.width));
  cross_attn_decoder_ =
      register_module("cross_attn_decoder", std::make_shared<PerceiverCrossBlock>(block_options(options)));
  register_module("ln_post", ln_post_);
  output_proj_ = register_module("output_proj", std::make_shared<nn::LinearLayer>(options.width, 1));
}

at::Tensor ShapeDecoder::forward(const at::Tensor& points, const KeysValues& latents, runtime::Trace* trace) {
  const auto query = query_proj_->forward(fourier_embedding(points, embedding_)).to(type_);
  note(trace, "query_proj", query);
  const auto mixed = cross_attn_decoder_->forward(query, latents);
  note(trace, "dec_cross_block", mixed);
  return output_proj_->forward(ln_post_(mixed).to(output_proj_->type())).squeeze(2);
}

void ShapeDecoder::initialise(double stddev) {
  initialise_blocks(*this, stddev);
  initialise_default(*query_proj_);
  initialise_default(*output_proj_);
}

void ShapeDecoder::set_type(at::ScalarType type) {
  type_ = type;
  nn::set_storage_type(*cross_attn_decoder_, type);
  nn::set_storage_type(*ln_post_, type);
}

ShapeVae::ShapeVae(const ShapeVaeOptions& options) : options_(options) {
  encoder_ = register_module("encoder", std::make_shared<ShapeEncoder>(options));
  pre_kl_ =
      register_module("pre_kl", std::make_shared<nn::LinearLayer>(options.width, 2 * options.embed_dim));
  post_kl_ = register_module("post_kl", std::make_shared<nn::LinearLayer>(options.embed_dim, options.width));
  transformer_ = register_module("transformer", std::make_shared<PerceiverTransformer>(
                                                    block_options(options), options.num_decoder_layers));
  decoder_ = register_module("decoder", std::make_shared<ShapeDecoder>(options));
}

nn::DiagonalGaussian ShapeVae::encode(const SurfaceClouds& clouds, runtime::Trace* trace) {
  const auto levels = static_cast<std::size_t>(options_.levels());
  if (clouds.levels.size() != levels)
    fail<DataError>("shape_vae: {} clouds of points, expected {}", clouds.levels.size(), levels);
  for (const auto& cloud : clouds.levels) {
    if (cloud.dim() != 3 || cloud.size(2) != 3 + options_.point_feats)
      fail<DataError>("shape_vae: a cloud of shape [{}], expected [B, N, {}]", fmt::join(cloud.sizes(), ", "),
                      3 + options_.point_feats);
  }
  const auto tokens = encoder_->forward(clouds, trace);
  note(trace, "shape_latents", tokens);
  const auto moments = pre_kl_->forward(tokens).to(at::kFloat);
  note(trace, "moments", moments);
  return nn::DiagonalGaussian::of_moments(moments, 2);
}

at::Tensor ShapeVae::decode(const at::Tensor& z, runtime::Trace* trace) {
  const auto tokens = post_kl_->forward(z.to(post_kl_->type()));
  note(trace, "post_kl", tokens);
  return transformer_->forward(tokens, trace, "dec_self_block0");
}

at::Tensor ShapeVae::query(const at::Tensor& points, const KeysValues& latents, runtime::Trace* trace) {
  return decoder_->forward(points, latents, trace);
}

std::vector<at::Tensor> ShapeVae::opened(const at::Tensor& code) {
  const auto latents = read(decode(code));
  return {latents.keys, latents.values};
}

void ShapeVae::initialise() {
  const double stddev = options_.init_scale * std::sqrt(1.0 / static_cast<double>(options_.width));
  encoder_->initialise(stddev);
  initialise_default(*pre_kl_);
  initialise_default(*post_kl_);
  initialise_blocks(*transformer_, stddev);
  decoder_->initialise(stddev);
}

void ShapeVae::set_type(at::ScalarType type) {
  encoder_->set_type(type);
  for (const auto& part : {pre_kl_, post_kl_}) nn::set_storage_type(*part, type);
  nn::set_storage_type(*transformer_, type);
  decoder_->set_type(type);
}

}  // namespace arzoo::shape3d
