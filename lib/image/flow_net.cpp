#include "image/flow_net.h"

#include <torch/torch.h>

namespace arzoo::image {
namespace {

constexpr double kFlowNetEpsilon = 1e-6;
constexpr double kTimeSteps = 1000.0;
const kernels::NormForm kFlowNetRms(kFlowNetEpsilon, /*is_centred=*/false);

kernels::Modulation at_step(const kernels::Modulation& modulation, int64_t step, int64_t samples) {
  return {modulation.scale[step].narrow(0, 0, samples), modulation.shift[step].narrow(0, 0, samples)};
}

/// Row `step`, for the first `samples`; a row that stands for all samples stays one.
at::Tensor row_of(const at::Tensor& table, int64_t step, int64_t samples) {
  const auto row = table[step];
  return row.size(0) == 1 ? row : row.narrow(0, 0, samples);
}

}  // namespace

at::Tensor time_steps(const at::Tensor& times) { return (times.to(at::kFloat) * kTimeSteps).trunc(); }

FlowCondition FlowCondition::first(int64_t samples) const {
  auto part = *this;
  part.embedded = embedded.narrow(0, 0, samples);
  for (auto& [keys, values] : part.seen) {
    keys = keys.narrow(0, 0, samples);
    values = values.narrow(0, 0, samples);
  }
  return part;
}

FlowModulation FlowModulation::of_step(int64_t step, int64_t samples) const {
  FlowModulation one;
  for (const auto& all : blocks) {
    const auto row = [&](const at::Tensor& table) { return row_of(table, step, samples); };
    one.blocks.push_back({row(all.gamma1), row(all.gamma2), row(all.scale1), row(all.scale2), row(all.shift1),
                          row(all.shift2)});
  }
  one.last = at_step(last, step, samples);
  return one;
}

FlowBlock::FlowBlock(const FlowArOptions& options) {
  const int64_t width = options.diffloss_w, heads = width / FlowArOptions::kFlowHeadWidth;
  attn_ = register_module("attn", std::make_shared<GridAttention>(
                                      GridAttentionOptions{.width = width,
                                                           .heads = heads,
                                                           .qkv_bias = false,
                                                           .attn_dropout = 0.0,
                                                           .axial = options.flow_attention == "axial"}));
  mlp_ = register_module("mlp", std::make_shared<GegluMlp>(width, options.mlp_ratio, 0.0));
  const auto map = [&](const char* name, int64_t count) {
    return register_module(name, std::make_shared<nn::LinearLayer>(width, count * width));
  };
  if (!options.cross) {
    ada_lin_ = map("ada_lin", 6);
    return;
  }
  ada_lin_attn_ = map("ada_lin_attn", 3);
  ada_lin_mlp_ = map("ada_lin_mlp", 3);
  norm2_1_ = register_module("norm2_1", std::make_shared<nn::RmsNorm>(width, kFlowNetEpsilon));
  norm2_2_ =
      register_module("norm2_2", std::make_shared<nn::RmsNorm>(options.encoder_embed_dim, kFlowNetEpsilon));
  crossattn_ = register_module("crossattn",
                               std::make_shared<GridCrossAttention>(width, options.encoder_embed_dim, heads));
}

BlockModulation FlowBlock::modulation(const at::Tensor& time, const at::Tensor& condition) const {
  const auto opened = at::silu(time + condition);
  if (!is_cross()) return BlockModulation::of(ada_lin_->forward(opened).chunk(6, -1));
  // The order is gate, scale, shift; the attention's depends on the time alone.
  const auto attn = ada_lin_attn_->forward(at::silu(time)).chunk(3, -1);
  const auto mlp = ada_lin_mlp_->forward(opened).chunk(3, -1);
  return {attn[0], mlp[0], attn[1], mlp[1], attn[2], mlp[2]};
}

GridCrossAttention::KeysValues FlowBlock::keys_values(const at::Tensor& z,
                                                      const kernels::RopeAngles& angles) const {
  return crossattn_->keys_values(norm2_2_->forward(z).to(ada_lin_mlp_->type()), angles);
}

at::Tensor FlowBlock::cross_branch(const at::Tensor& x, const FlowCondition& condition,
                                   std::size_t index) const {
  return crossattn_->forward(norm2_1_->forward(x).to(ada_lin_mlp_->type()), condition.cross_angles[index],
                             condition.seen[index]);
}

at::Tensor FlowBlock::forward(const at::Tensor& x, const BlockModulation& m, const FlowCondition& condition,
                              std::size_t index) const {
  const auto type = x.scalar_type();
  auto out = gated_branch(x, m.before_attention(), m.gamma1, kFlowNetRms, type, [&](const auto& normed) {
    return attn_->forward(normed, condition.angles[index]);
  });
  if (is_cross()) out = out + cross_branch(out, condition, index);
  return gated_branch(out, m.before_ffn(), m.gamma2, kFlowNetRms, type,
                      [&](const auto& normed) { return mlp_->forward(normed); });
}

FlowNet::FlowNet(const FlowArOptions& options) {
  const int64_t width = options.diffloss_w, channels = options.vae.embed_dim;
  time_embed_ = register_module("time_embed", std::make_shared<nn::TimestepEmbedder>(width));
  cond_embed_ =
      register_module("cond_embed", std::make_shared<nn::LinearLayer>(options.encoder_embed_dim, width));
  input_proj_ = register_module("input_proj", std::make_shared<nn::LinearLayer>(channels, width));
  torch::nn::ModuleList list;
  for (int64_t i = 0; i < options.diffloss_d; ++i) {
    blocks_.push_back(std::make_shared<FlowBlock>(options));
    list->push_back(blocks_.back());
  }
  register_module("res_blocks", list);
  auto last = register_module("final_layer", std::make_shared<torch::nn::Module>());
  last_map_ = last->register_module("adaLN_modulation", std::make_shared<nn::AdaLnModulation>(width, 2));
  linear_ = last->register_module("linear", std::make_shared<nn::LinearLayer>(width, channels));
}

FlowCondition FlowNet::prepare(const at::Tensor& z, int64_t side) const {
  FlowCondition condition;
  condition.side = side;
  condition.embedded = cond_embed_->forward(z);
  for (const auto& block : blocks_) {
    condition.angles.push_back(block->attention().angles({side}));
    if (!block->is_cross()) continue;
    condition.cross_angles.push_back(block->cross_attention().angles({side}));
    condition.seen.push_back(block->keys_values(z, condition.cross_angles.back()));
  }
  return condition;
}

at::Tensor FlowNet::embedded_times(const at::Tensor& times) const {
  return time_embed_->forward(time_steps(times));
}

FlowModulation FlowNet::modulations(const at::Tensor& times, const FlowCondition& condition) const {
  const auto time = times.to(type_);
  const auto tokens = condition.embedded.unsqueeze(0).to(type_);  // [1, B, N, W]
  FlowModulation modulation;
  for (const auto& block : blocks_) modulation.blocks.push_back(block->modulation(time, tokens));
  const auto parts =
      last_map_->map().forward(at::silu(time + tokens).to(last_map_->map().type())).chunk(2, -1);
  modulation.last = {parts[1], parts[0]};
  return modulation;
}

at::Tensor FlowNet::velocity(const at::Tensor& x, const FlowModulation& modulation,
                             const FlowCondition& condition) const {
  auto h = input_proj_->forward(x);
  auto normed = kernels::modulated_norm(h, modulation.blocks.front().before_attention(), kFlowNetRms, type_);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const auto& block = *blocks_[i];
    const auto& m = modulation.blocks[i];
    const bool last = i + 1 == blocks_.size();
    const auto attended = block.attention().forward(normed, condition.angles[i]);
    if (block.is_cross()) {
      h.add_(attended * m.gamma1);
      const auto branch = block.cross_branch(h, condition, i);
      normed = kernels::gated_modulated_norm(h, branch, {}, m.before_ffn(), kFlowNetRms, type_);
    } else {
      normed = kernels::gated_modulated_norm(h, attended, m.gamma1, m.before_ffn(), kFlowNetRms, type_);
    }
    normed =
        kernels::gated_modulated_norm(h, block.mlp().forward(normed), m.gamma2,
                                      last ? modulation.last : modulation.blocks[i + 1].before_attention(),
                                      kFlowNetRms, last ? at::kFloat : type_);
  }
  return linear_->forward(normed);
}

at::Tensor FlowNet::velocity_at(const at::Tensor& x, const at::Tensor& times,
                                const FlowCondition& condition) const {
  const auto of_samples = embedded_times(times).unsqueeze(0).unsqueeze(2);
  return velocity(x, modulations(of_samples, condition).of_step(0, x.size(0)), condition);
}

at::Tensor FlowNet::forward(const at::Tensor& x, const at::Tensor& times,
                            const FlowCondition& condition) const {
  // A sample is a step of its own here: [B, 1, W] of times, [B, N, W] of tokens.
  const auto time = embedded_times(times).unsqueeze(1);
  auto h = input_proj_->forward(x);
  for (std::size_t i = 0; i < blocks_.size(); ++i)
    h = blocks_[i]->forward(h, blocks_[i]->modulation(time, condition.embedded), condition, i);
  const auto parts = last_map_->map().forward(at::silu(time + condition.embedded)).chunk(2, -1);
  return linear_->forward(kernels::modulated_norm(h, {parts[1], parts[0]}, kFlowNetRms, h.scalar_type()));
}

void FlowNet::set_type(at::ScalarType type) {
  type_ = type;
  for (const auto& block : blocks_) nn::set_linear_type(*block, type);
}

}  // namespace arzoo::image
