#include "forecast/models/chronos2_encoder.h"

#include <torch/torch.h>

#include "forecast/random_inputs.h"
#include "kernels/dropout.h"
#include "runtime/recompute.h"

namespace arzoo::forecast {
namespace {

at::Tensor last_tokens(const at::Tensor& x, int64_t axis, int64_t wanted) {
  return x.size(axis) == wanted ? x : x.narrow(axis, x.size(axis) - wanted, wanted);
}

kernels::RopeAngles last_angles(const kernels::RopeAngles& angles, int64_t wanted) {
  return {last_tokens(angles.cos, 2, wanted).contiguous(), last_tokens(angles.sin, 2, wanted).contiguous(),
          angles.interleaved};
}

}  // namespace

Chronos2Block::Chronos2Block(const T5Sizes& sizes) {
  auto layer = register_module("layer", torch::nn::ModuleList());
  time_ = std::make_shared<T5AttentionLayer>(sizes, "self_attention");
  group_ = std::make_shared<T5AttentionLayer>(sizes, "self_attention");
  feed_forward_ = std::make_shared<T5FeedForwardLayer>(sizes, "mlp");
  layer->push_back(time_);
  layer->push_back(group_);
  layer->push_back(feed_forward_);
}

at::Tensor Chronos2Block::over_time(const at::Tensor& x, const Chronos2Pass& pass, int64_t wanted) const {
  const auto normed = time_->norm(x);
  const auto& attention = time_->attention();
  const auto q = kernels::apply_rope(attention.queries(last_tokens(normed, 1, wanted)),
                                     wanted == x.size(1) ? pass.angles : last_angles(pass.angles, wanted));
  const auto k = kernels::apply_rope(attention.keys(normed), pass.angles);
  return attention.output(attention.mix(q, k, attention.values(normed), pass.time_bias));
}

at::Tensor Chronos2Block::forward(const at::Tensor& tokens, const Chronos2Pass& pass, int64_t wanted,
                                  const std::string& name) const {
  auto x = time_->add(last_tokens(tokens, 1, wanted), over_time(tokens, pass, wanted));
  Pass(pass.trace).record(name + ".layer.0", x);
  const auto mask = wanted == tokens.size(1) ? pass.mask : at::Tensor();
  x = group_->add(x, pass.groups->attend(group_->attention(), group_->norm(x), mask));
  Pass(pass.trace).record(name + ".layer.1", x);
  x = feed_forward_->forward(x);
  Pass(pass.trace).record(name + ".layer.2", x);
  return x;
}

void Chronos2Block::initialise(double factor) {
  time_->initialise(factor);
  group_->initialise(factor);
  feed_forward_->initialise(factor);
}

Chronos2Encoder::Chronos2Encoder(const Chronos2Options& options) : options_(options) {
  auto list = register_module("block", torch::nn::ModuleList());
  for (int64_t i = 0; i < options.num_layers; ++i) {
    blocks_.push_back(std::make_shared<Chronos2Block>(t5_sizes(options)));
    list->push_back(blocks_.back());
  }
  final_layer_norm_ = register_module(
      "final_layer_norm", std::make_shared<nn::RmsNorm>(options.d_model, options.layer_norm_epsilon));
}

at::Tensor Chronos2Encoder::forward(const at::Tensor& tokens, const at::Tensor& mask, const RowGroups& groups,
                                    int64_t wanted, runtime::Trace* trace) const {
  const auto positions = at::arange(tokens.size(1), at::TensorOptions(tokens.device()).dtype(at::kLong));
  Chronos2Pass pass;
  pass.angles = kernels::rope_angles(positions, options_.d_kv, options_.rope_theta, tokens.scalar_type());
  pass.mask = mask;
  pass.time_bias = key_bias(mask, tokens.scalar_type());
  // Blocks that are computed again outlive this call.
  const auto kept = runtime::recomputes() ? std::make_shared<const RowGroups>(groups) : nullptr;
  pass.groups = kept != nullptr ? kept.get() : &groups;
  pass.trace = trace;
  const double dropout = is_training() ? options_.dropout_rate : 0.0;
  auto x = kernels::dropout(tokens, dropout, dropout > 0.0);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const bool is_last = i + 1 == blocks_.size();
    const auto run = [block = blocks_[i], pass, kept, i,
                      tokens_out = is_last ? wanted : x.size(1)](const at::Tensor& rows) {
      return block->forward(rows, pass, tokens_out, fmt::format("block.{}", i));
    };
    x = trace == nullptr ? runtime::recomputed(x, run) : run(x);
  }
  x = final_layer_norm_->forward(x);
  Pass(trace).record("final_layer_norm", x);
  return kernels::dropout(x, dropout, dropout > 0.0);
}

void Chronos2Encoder::initialise(double factor) {
  for (const auto& block : blocks_) block->initialise(factor);
  fill_norm(*final_layer_norm_, factor);
}

}  // namespace arzoo::forecast
