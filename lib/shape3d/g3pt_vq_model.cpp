#include "shape3d/g3pt_vq_model.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/attention.h"
#include "nn/storage_type.h"
#include "shape3d/occupancy_metrics.h"

namespace arzoo::shape3d {
namespace {

constexpr double kG3ptInitScale = 0.25, kG3ptTable = 0.02;

ShapeVaeOptions coder_options(const G3ptVqOptions& options) {
  ShapeVaeOptions coder;
  coder.width = options.width;
  coder.heads = options.heads;
  coder.num_freqs = options.num_freqs;
  coder.num_latents = options.num_latents;
  coder.num_encoder_layers = options.num_encoder_layers;
  coder.num_decoder_layers = options.num_decoder_layers;
  return coder;
}

PerceiverOptions block_options(const G3ptVqOptions& options) { return {options.width, options.heads}; }

LookupFreeWeights weights_of(const LookupFreeOptions& options) {
  return {options.inv_temperature, options.diversity_gamma, options.entropy_weight, options.commitment_weight,
          options.log_clamp};
}

double deviation_of(const G3ptVqOptions& options) {
  return kG3ptInitScale * std::sqrt(1.0 / static_cast<double>(options.width));
}

}  // namespace

QueryAttention::QueryAttention(const PerceiverOptions& options) : heads_(options.heads) {
  const int64_t width = options.width;
  c_q_ = register_module("c_q", std::make_shared<nn::LinearLayer>(width, width, options.qkv_bias));
  c_kv_ = register_module("c_kv", std::make_shared<nn::LinearLayer>(width, 2 * width, options.qkv_bias));
  c_proj_ = register_module("c_proj", std::make_shared<nn::LinearLayer>(width, width));
}

at::Tensor QueryAttention::forward(const at::Tensor& queries, const at::Tensor& data) const {
  const auto q = nn::split_heads(c_q_->forward(queries), heads_);
  const auto kv = nn::split_heads(c_kv_->forward(data), heads_, 2, nn::FusedHeads::by_head);
  return c_proj_->forward(nn::merge_heads(kernels::attention(q, kv[0], kv[1])));
}

CrossScaleQuantizer::CrossScaleQuantizer(const G3ptVqOptions& options)
    : ln_down_q_(perceiver_norm(options.width)),
      ln_down_kv_(perceiver_norm(options.width)),
      ln_up_q_(perceiver_norm(options.width)),
      ln_up_kv_(perceiver_norm(options.width)) {
  const auto downs = register_module("down_query", std::make_shared<torch::nn::Module>());
  const auto ups = register_module("up_query", std::make_shared<torch::nn::Module>());
  for (std::size_t k = 0; k < options.scales.size(); ++k) {
    const auto name = std::to_string(k);
    down_query_.push_back(downs->register_parameter(name, at::empty({options.scales[k], options.width})));
    up_query_.push_back(ups->register_parameter(name, at::empty({options.num_latents, options.width})));
  }
  down_ = register_module("down", std::make_shared<QueryAttention>(block_options(options)));
  up_ = register_module("up", std::make_shared<QueryAttention>(block_options(options)));
  register_module("ln_down_q", ln_down_q_);
  register_module("ln_down_kv", ln_down_kv_);
  register_module("ln_up_q", ln_up_q_);
  register_module("ln_up_kv", ln_up_kv_);
  lfq_ = register_module(
      "lfq", std::make_shared<LookupFreeQuantizer>(options.width, options.bits, weights_of(options.lfq)));
}

at::Tensor CrossScaleQuantizer::pooled(const at::Tensor& z, std::size_t k) const {
  const auto queries = normed(down_query_[k], ln_down_q_).expand({z.size(0), -1, -1});
  return down_->forward(queries, normed(z, ln_down_kv_));
}

at::Tensor CrossScaleQuantizer::spread(const at::Tensor& codes, std::size_t k) const {
  const auto queries = normed(up_query_[k], ln_up_q_).expand({codes.size(0), -1, -1});
  return up_->forward(queries, normed(codes, ln_up_kv_));
}

CrossScaleQuantizer::Pass CrossScaleQuantizer::train_pass(const at::Tensor& z) const {
  Pass pass;
  auto rest = z;
  std::vector<at::Tensor> ids, numbers;
  for (std::size_t k = 0; k < down_query_.size(); ++k) {
    auto code = lfq_->train_pass(pooled(rest, k));
    const auto own = spread(code.quantised, k);
    rest = rest - own;
    pass.sums.push_back(k == 0 ? own : pass.sums.back() + own);
    pass.loss = k == 0 ? code.loss : pass.loss + code.loss;
    ids.push_back(code.ids);
    numbers.push_back(code.numbers);
    pass.scales.push_back(std::move(code));
  }
  pass.loss = pass.loss / static_cast<double>(down_query_.size());
  pass.ids = at::cat(ids, 1);
  pass.numbers = at::cat(numbers, 1);
  return pass;
}

at::Tensor CrossScaleQuantizer::tokens(const at::Tensor& z) const {
  const torch::NoGradGuard no_grad;
  auto rest = z;
  std::vector<at::Tensor> ids;
  for (std::size_t k = 0; k < down_query_.size(); ++k) {
    ids.push_back(lfq_->tokens(lfq_->numbers(pooled(rest, k))));
    if (k + 1 < down_query_.size()) rest = rest - spread(lfq_->lookup(ids.back()), k);
  }
  return at::cat(ids, 1);
}

void CrossScaleQuantizer::initialise(double stddev) {
  const torch::NoGradGuard no_grad;
  initialise_blocks(*this, stddev);
  for (auto& query : down_query_) query.normal_(0.0, kG3ptTable);
  for (auto& query : up_query_) query.normal_(0.0, kG3ptTable);
  // Signs are of numbers of about the size of the codes.
  lfq_->initialise(4.0 * stddev);
}

G3ptVq::G3ptVq(const G3ptVqOptions& options) : options_(options), ln_z_(perceiver_norm(options.width)) {
  const auto coder = coder_options(options);
  encoder_ = register_module("encoder", std::make_shared<ShapeEncoder>(coder));
  register_module("ln_z", ln_z_);
  quant_ = register_module("quant", std::make_shared<CrossScaleQuantizer>(options));
  transformer_ = register_module("transformer", std::make_shared<PerceiverTransformer>(
                                                    block_options(options), options.num_decoder_layers));
  decoder_ = register_module("decoder", std::make_shared<ShapeDecoder>(coder));
}

at::Tensor G3ptVq::encode(const at::Tensor& surface) {
  const auto latents = encoder_->forward({{surface}, {}}, nullptr);
  return normed(latents.to(ln_z_->weight.scalar_type()), ln_z_);
}

at::Tensor G3ptVq::decode(const at::Tensor& points, const at::Tensor& z) {
  const auto latents = transformer_->forward(z.to(type_));
  return decoder_->forward(points, decoder_->read(latents), nullptr);
}

runtime::Losses G3ptVq::loss(const ShapeBatch& batch, bool quantised) {
  auto z = encode(batch.clouds.levels.front());
  auto lfq = at::zeros({}, z.options().requires_grad(false));
  at::Tensor ids;
  if (quantised) {
    const auto pass = quant_->train_pass(z);
    z = pass.sums.back();
    lfq = pass.loss;
    ids = pass.ids;
  }
  const auto logits = decode(batch.points, z);
  const auto bce = at::binary_cross_entropy_with_logits(logits, batch.occupancies);
  const auto statistics = [logits = logits.detach(), labels = batch.occupancies, ids]() -> runtime::Metrics {
    runtime::Metrics metrics{{"iou", occupancy_iou(logits, labels).mean().item<double>()}};
    if (ids.defined())
      metrics.emplace_back("codes", static_cast<double>(std::get<0>(at::_unique(ids)).numel()));
    return metrics;
  };
  return {bce + lfq,
          {{"bce", bce.detach()}, {"lfq", lfq.detach()}},
          statistics,
          static_cast<double>(batch.points.size(0))};
}

at::Tensor G3ptVq::code(const SurfaceClouds& clouds) { return quant_->tokens(encode(clouds.levels.front())); }

std::vector<at::Tensor> G3ptVq::opened(const at::Tensor& code) {
  const auto latents = decoder_->read(transformer_->forward(sum_of(code).to(type_)));
  return {latents.keys, latents.values};
}

at::Tensor G3ptVq::logits(const at::Tensor& points, const std::vector<at::Tensor>& opened) {
  return decoder_->forward(points, {opened.at(0), opened.at(1)}, nullptr);
}

at::Tensor G3ptVq::empty_sum(int64_t batch) const {
  return at::zeros({batch, options_.num_latents, options_.width},
                   ln_z_->weight.options().requires_grad(false));
}

at::Tensor G3ptVq::with_scale(const at::Tensor& sum, const at::Tensor& ids, std::size_t k) const {
  return sum + quant_->spread(quant_->lfq().lookup(ids), k);
}

at::Tensor G3ptVq::next_input(const at::Tensor& sum, std::size_t k) const { return quant_->pooled(sum, k); }

void G3ptVq::initialise() {
  const double stddev = deviation_of(options_);
  encoder_->initialise(stddev);
  quant_->initialise(stddev);
  initialise_blocks(*transformer_, stddev);
  decoder_->initialise(stddev);
}

void G3ptVq::set_type(at::ScalarType type) {
  type_ = type;
  encoder_->set_type(type);
  nn::set_storage_type(*transformer_, type);
  decoder_->set_type(type);
}

}  // namespace arzoo::shape3d
