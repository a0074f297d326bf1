#include "image/flowar_model.h"

#include <torch/torch.h>

#include "core/error.h"
#include "image/latent_tokens.h"
#include "image/scale_levels.h"
#include "kernels/dropout.h"
#include "nn/embedding_table.h"
#include "runtime/recompute.h"

namespace arzoo::image {
namespace {

constexpr double kEpsilon = 1e-6;
const kernels::NormForm kRms(kEpsilon, /*is_centred=*/false);

at::Tensor resized_by_area(const at::Tensor& map, int64_t side) {
  return map.size(2) == side ? map : at::adaptive_avg_pool2d(map, {side, side});
}

}  // namespace

FlowArBlock::FlowArBlock(const FlowArOptions& options, int64_t heads) {
  const int64_t width = options.encoder_embed_dim;
  attn_ = register_module(
      "attn", std::make_shared<GridAttention>(GridAttentionOptions{
                  .width = width, .heads = heads, .qkv_bias = true, .attn_dropout = options.attn_dropout}));
  proj_dropout_ = options.proj_dropout;
  mlp_ = register_module("mlp", std::make_shared<GegluMlp>(width, options.mlp_ratio, options.proj_dropout));
  ada_lin_ = register_module("ada_lin", std::make_shared<nn::AdaLnModulation>(width, 6));
}

at::Tensor FlowArBlock::forward(const at::Tensor& x, const BlockModulation& m,
                                const kernels::RopeAngles& angles, const at::Tensor& bias) const {
  const auto type = x.scalar_type();
  const auto middle = gated_branch(x, m.before_attention(), m.gamma1, kRms, type, [&](const auto& normed) {
    return kernels::dropout(attn_->forward(normed, angles, bias), proj_dropout_, is_training());
  });
  return gated_branch(middle, m.before_ffn(), m.gamma2, kRms, type,
                      [&](const auto& normed) { return mlp_->forward(normed); });
}

FlowAr::FlowAr(const FlowArOptions& options) : options_(options), grids_(square_grids(options.scale)) {
  const int64_t width = options.encoder_embed_dim;
  const auto norm = [&] { return std::make_shared<nn::RmsNorm>(width, kEpsilon); };
  class_emb_ = nn::register_table(*this, "class_emb", options.class_num + 1, width);
  register_tables();
  z_proj_ = register_module("z_proj", std::make_shared<nn::LinearLayer>(options.vae.embed_dim, width));
  z_proj_ln_ = register_module("z_proj_ln", norm());
  encoder_blocks_ = make_blocks("encoder_blocks", options.encoder_depth, options.encoder_num_heads);
  encoder_norm_ = register_module("encoder_norm", norm());
  decoder_embed_ = register_module("decoder_embed", std::make_shared<nn::LinearLayer>(width, width));
  decoder_blocks_ = make_blocks("decoder_blocks", options.decoder_depth, options.decoder_num_heads);
  decoder_norm_ = register_module("decoder_norm", norm());
  flownet_ = register_module("flownet", std::make_shared<FlowNet>(options));
}

void FlowAr::register_tables() {
  const int64_t tokens = tokens_of(grids_), width = options_.encoder_embed_dim;
  const auto table = [&](const char* name) {
    return register_parameter(name, at::empty({1, tokens, width}));
  };
  encoder_pos_embed_learned_ = table("encoder_pos_embed_learned");
  decoder_pos_embed_learned_ = table("decoder_pos_embed_learned");
  diffusion_pos_embed_learned_ = table("diffusion_pos_embed_learned");
  mask_ = register_buffer("mask", block_causal_bias(scale_levels(grids_)));
}

FlowAr::Blocks FlowAr::make_blocks(const char* name, int64_t depth, int64_t heads) {
  Blocks blocks;
  torch::nn::ModuleList list;
  for (int64_t i = 0; i < depth; ++i) {
    blocks.push_back(std::make_shared<FlowArBlock>(options_, heads));
    list->push_back(blocks.back());
  }
  register_module(name, list);
  return blocks;
}

std::vector<at::Tensor> FlowAr::targets(const at::Tensor& latents) const {
  std::vector<at::Tensor> scales;
  for (const auto& grid : grids_) scales.push_back(patchified(resized_by_area(latents, grid.height), 1));
  return scales;
}

at::Tensor FlowAr::enlarged(const at::Tensor& tokens, std::size_t scale) const {
  const int64_t whole = grids_.back().height;
  const auto map = unpatchified(tokens, grids_[scale].height, 1);
  return map.size(2) == whole ? map : at::upsample_bicubic2d(map, {whole, whole}, /*align_corners=*/false);
}

at::Tensor FlowAr::next_input(const at::Tensor& tokens, std::size_t scale) const {
  return patchified(resized_by_area(enlarged(tokens, scale), grids_[scale + 1].height), 1);
}

at::Tensor FlowAr::forward(const at::Tensor& labels, const at::Tensor& inputs, runtime::Trace* trace) const {
  const auto record = [&](const char* name, const at::Tensor& value) {
    if (trace != nullptr) trace->emplace_back(name, value);
  };
  const auto classes = at::embedding(class_emb_, labels);  // [B, D]
  const auto run = [&](const Blocks& blocks, at::Tensor x, const char* first) {
    for (const auto& block : blocks) {
      const auto once = [this, block](const std::vector<at::Tensor>& inputs) {
        return std::vector{block->forward(inputs[0], block->modulation(inputs[1]),
                                          block->attention().angles(options_.scale), mask_)};
      };
      x = runtime::recomputed({x, classes}, once)[0];
      if (block == blocks.front()) record(first, x);
    }
    return x;
  };
  const auto start = classes.unsqueeze(1).expand({-1, grids_.front().tokens(), -1});
  auto x = z_proj_ln_->forward(at::cat({start, z_proj_->forward(inputs)}, 1) + encoder_pos_embed_learned_);
  record("x_input_embed", x);
  x = encoder_norm_->forward(run(encoder_blocks_, x, "enc_block0"));
  record("enc_out", x);
  x = decoder_embed_->forward(x) + decoder_pos_embed_learned_;
  x = decoder_norm_->forward(run(decoder_blocks_, x, "dec_block0"));
  record("dec_norm_out", x);
  return x + diffusion_pos_embed_learned_;
}

at::Tensor FlowAr::dropped(const at::Tensor& labels, const at::Tensor& uniform) const {
  return labels.masked_fill(uniform.lt(options_.label_drop_prob).to(labels.device()), null_class());
}

at::Tensor FlowAr::errors(const at::Tensor& latents, const at::Tensor& labels,
                          const FlowRandomInputs& random_inputs) const {
  const int64_t batch = latents.size(0), scales = static_cast<int64_t>(grids_.size());
  const auto device = latents.device();
  const auto uniform = random_inputs.label_drop.defined() ? random_inputs.label_drop : at::rand({batch});
  const auto times =
      (random_inputs.times.defined() ? random_inputs.times : at::rand({batch, scales})).to(device);
  const auto wanted = targets(latents);
  const auto noise = (random_inputs.noise.defined() ? random_inputs.noise
                                                    : at::randn({batch, tokens_of(grids_), latents.size(1)}))
                         .to(device);
  std::vector<at::Tensor> inputs;
  for (std::size_t k = 0; k + 1 < grids_.size(); ++k) inputs.push_back(next_input(wanted[k], k));
  const auto z = forward(dropped(labels, uniform), at::cat(inputs, 1));
  std::vector<at::Tensor> errors;
  for (std::size_t k = 0; k < grids_.size(); ++k) {
    const int64_t first = tokens_of(grids_, k), tokens = grids_[k].tokens();
    const auto e = noise.narrow(1, first, tokens);
    const auto t = times.select(1, static_cast<int64_t>(k));
    const auto x = wanted[k] + (e - wanted[k]) * t.view({-1, 1, 1});
    const auto condition = flownet_->prepare(z.narrow(1, first, tokens), grids_[k].height);
    const auto velocity = flownet_->forward(x, t, condition).to(at::kFloat);
    errors.push_back((velocity - (e - wanted[k])).square().mean({1, 2}));
  }
  return at::stack(errors, 1);
}

at::Tensor FlowAr::loss(const at::Tensor& errors) const {
  std::vector<double> shares;
  const auto finest = static_cast<double>(grids_.back().tokens());
  for (const auto& grid : grids_) shares.push_back(static_cast<double>(grid.tokens()) / finest);
  return (errors.mean(0) * at::tensor(shares, errors.options().requires_grad(false))).sum();
}

FlowArGeneration FlowAr::conditioned(const at::Tensor& labels) const {
  if (labels.size(0) == 0 || labels.min().item<int64_t>() < 0 || labels.max().item<int64_t>() > null_class())
    fail<UsageError>("flowar: classes must be a list of numbers in 0..{} ({} is no class)", null_class(),
                     null_class());
  const auto classes = at::embedding(class_emb_, labels);
  FlowArGeneration generation;
  generation.start = classes.unsqueeze(1).expand({-1, grids_.front().tokens(), -1});
  for (const auto* blocks : {&encoder_blocks_, &decoder_blocks_}) {
    for (const auto& block : *blocks) {
      generation.modulations.push_back(block->modulation(classes));
    }
  }
  return generation;
}

FlowArGeneration FlowAr::begin(const at::Tensor& labels) const {
  auto generation = conditioned(labels);
  for (std::size_t i = 0; i < generation.modulations.size(); ++i)
    generation.caches.emplace_back(tokens_of(grids_));
  return generation;
}

at::Tensor FlowAr::run_blocks(const Blocks& blocks, std::size_t first, at::Tensor x,
                              FlowArGeneration& generation, const nn::RmsNorm& norm) const {
  const auto& modulations = generation.modulations;
  const bool all = generation.caches.empty();
  const auto sides = all ? options_.scale : std::vector<int64_t>{grids_[generation.next].height};
  x = x.contiguous();
  auto normed = kernels::modulated_norm(x, modulations[first].before_attention(), kRms, type_);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto& m = modulations[first + i];
    const auto& attention = blocks[i]->attention();
    const auto attended = attention.forward(normed, attention.angles(sides), all ? mask_ : at::Tensor(),
                                            all ? nullptr : &generation.caches[first + i]);
    normed = kernels::gated_modulated_norm(x, attended, m.gamma1, m.before_ffn(), kRms, type_);
    const bool last = i + 1 == blocks.size();
    const auto next = last ? norm.modulation() : modulations[first + i + 1].before_attention();
    normed = kernels::gated_modulated_norm(x, blocks[i]->mlp().forward(normed), m.gamma2, next, kRms,
                                           last ? at::kFloat : type_);
    if (generation.trace != nullptr)
      generation.trace->emplace_back(fmt::format("block{}", first + i), x.clone());
  }
  return normed;
}

at::Tensor FlowAr::pass(FlowArGeneration& generation, const at::Tensor& tokens, int64_t first) const {
  const auto places = [&](const at::Tensor& table) { return table.narrow(1, first, tokens.size(1)); };
  auto x = z_proj_ln_->forward(tokens + places(encoder_pos_embed_learned_));
  x = run_blocks(encoder_blocks_, 0, x, generation, *encoder_norm_);
  x = decoder_embed_->forward(x) + places(decoder_pos_embed_learned_);
  x = run_blocks(decoder_blocks_, encoder_blocks_.size(), x, generation, *decoder_norm_);
  return x + places(diffusion_pos_embed_learned_);
}

at::Tensor FlowAr::extend(FlowArGeneration& generation, const at::Tensor& input) const {
  const std::size_t scale = generation.next;
  const auto z =
      pass(generation, scale == 0 ? generation.start : z_proj_->forward(input), tokens_of(grids_, scale));
  ++generation.next;
  return z;
}

at::Tensor FlowAr::all_states(const at::Tensor& labels, const at::Tensor& inputs) const {
  auto generation = conditioned(labels);
  return pass(generation, at::cat({generation.start, z_proj_->forward(inputs)}, 1), 0);
}

void FlowAr::initialise() {
  const torch::NoGradGuard no_grad;
  for (const auto& table :
       {class_emb_, encoder_pos_embed_learned_, decoder_pos_embed_learned_, diffusion_pos_embed_learned_})
    table.normal_(0.0, 0.02);
  // The flow network's as well: nothing in it starts at zero.
  for (const auto& part : modules(/*include_self=*/false)) {
    const auto* layer = dynamic_cast<const nn::LinearLayer*>(part.get());
    if (layer == nullptr) continue;
    torch::nn::init::xavier_uniform_(layer->weight());
    if (layer->bias().defined()) layer->bias().zero_();
  }
}

void FlowAr::set_type(at::ScalarType type) {
  type_ = type;
  flownet_->set_type(type);
  for (const auto* blocks : {&encoder_blocks_, &decoder_blocks_}) {
    for (const auto& block : *blocks) nn::set_linear_type(*block, type);
  }
}

}  // namespace arzoo::image
