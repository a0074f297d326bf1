#include "image/latent_files.h"

#include <torch/torch.h>

#include "image/weight_kind.h"
#include "image/weight_shapes.h"

namespace arzoo::image {
namespace {

using runtime::NamedTensors;

/// Channels of the published tokenizer's latents.
constexpr int64_t kPublishedChannels = 16;
constexpr int64_t kLatentHeadWidth = 64;

/// The published models' heads by their width, 64 numbers wide in others.
int64_t mar_heads(int64_t width) {
  return width == 1280 ? 16 : std::max<int64_t>(width / kLatentHeadWidth, 1);
}

/// Sides of the scales: each token sees all of its own scale and of those before.
std::vector<int64_t> sides_in(const NamedTensors& weights) {
  const int64_t tokens = size_of(weights, "mask", 4, 3);
  const auto seen = weights.at("mask").to(at::kFloat).reshape({-1, tokens}).eq(0).sum(1);
  std::vector<int64_t> sides;
  for (int64_t begin = 0; begin < tokens;) {
    const int64_t end = begin < seen.size(0) ? seen[begin].item<int64_t>() : 0;
    if (end <= begin || end > tokens)
      fail<CheckpointError>("{}: mask shows no scales, row {} sees {} tokens", weights.where(), begin, end);
    sides.push_back(side_of(weights, "mask", end - begin));
    begin = end;
  }
  return sides;
}

}  // namespace

KlVaeOptions kl_vae_options_of(const NamedTensors& weights) {
  expect_kind(weights, WeightKind::kl_vae);
  KlVaeOptions options;
  read_coder(weights, options);
  options.embed_dim = size_of(weights, "post_quant_conv.weight", 4, 0);
  return checked_options(options, weights);
}

MarOptions mar_options_of(const NamedTensors& weights) {
  expect_kind(weights, WeightKind::mar);
  MarOptions options;
  options.class_num = size_of(weights, "class_emb.weight", 2, 0);
  options.encoder_embed_dim = size_of(weights, "class_emb.weight", 2, 1);
  options.decoder_embed_dim = size_of(weights, "decoder_embed.weight", 2, 0);
  options.encoder_depth = count_modules(weights, "encoder_blocks", "attn.qkv.weight");
  options.decoder_depth = count_modules(weights, "decoder_blocks", "attn.qkv.weight");
  options.encoder_num_heads = mar_heads(options.encoder_embed_dim);
  options.decoder_num_heads = mar_heads(options.decoder_embed_dim);
  options.mlp_ratio = static_cast<double>(size_of(weights, "encoder_blocks.0.mlp.fc1.weight", 2, 0)) /
                      static_cast<double>(std::max<int64_t>(options.encoder_embed_dim, 1));
  options.diffloss_d = count_modules(weights, "diffloss.net.res_blocks", "in_ln.weight");
  options.diffloss_w = size_of(weights, "diffloss.net.input_proj.weight", 2, 0);
  const int64_t tokens = size_of(weights, "diffusion_pos_embed_learned", 3, 1);
  options.buffer_size = size_of(weights, "encoder_pos_embed_learned", 3, 1) - tokens;
  const int64_t width = size_of(weights, "z_proj.weight", 2, 1);
  options.vae.embed_dim = width % kPublishedChannels == 0 ? kPublishedChannels : width;
  options.patch_size = side_of(weights, "a token", width / options.vae.embed_dim);
  options.img_size = side_of(weights, "diffusion_pos_embed_learned", tokens) * options.vae.downsampling() *
                     options.patch_size;
  return checked_options(options, weights);
}

HiMarOptions himar_options_of(const NamedTensors& weights) {
  expect_kind(weights, WeightKind::himar);
  HiMarOptions options;
  options.class_num = size_of(weights, "class_emb.weight", 2, 0);
  options.encoder_embed_dim = options.decoder_embed_dim = size_of(weights, "class_emb.weight", 2, 1);
  options.encoder_depth = count_modules(weights, "encoder_blocks", "attn.qkv.weight");
  options.decoder_depth = count_modules(weights, "decoder_blocks", "attn.qkv.weight");
  options.encoder_num_heads = options.decoder_num_heads = mar_heads(options.encoder_embed_dim);
  const auto times = [&](const char* name, int64_t width) {
    return static_cast<double>(size_of(weights, name, 2, 0)) /
           static_cast<double>(std::max<int64_t>(width, 1));
  };
  options.mlp_ratio = times("encoder_blocks.0.mlp.fc1.weight", options.encoder_embed_dim);
  options.diffloss_d = count_modules(weights, "diffloss.net.res_blocks", "in_ln.weight");
  options.diffloss_w = size_of(weights, "diffloss.net.input_proj.weight", 2, 0);
  options.gdm_d = count_modules(weights, "cond_diffloss.net.blocks", "attn.qkv.weight");
  options.gdm_w = size_of(weights, "cond_diffloss.net.x_embedder.proj.weight", 4, 0);
  options.head = std::max<int64_t>(options.gdm_w / kLatentHeadWidth, 1);
  options.ratio = times("cond_diffloss.net.blocks.0.mlp.fc1.weight", options.gdm_w);
  const int64_t pivots = size_of(weights, "cond_tokens", 3, 1);
  const int64_t places = size_of(weights, "diffusion_pos_embed_learned", 3, 1);
  options.cond_scale = side_of(weights, "cond_tokens", pivots);
  options.buffer_size = size_of(weights, "encoder_pos_embed_learned", 3, 1) / 2 - places;
  options.vae.embed_dim = size_of(weights, "z_proj.weight", 2, 1);
  options.img_size =
      side_of(weights, "diffusion_pos_embed_learned", places - pivots) * options.vae.downsampling();
  return checked_options(options, weights);
}

FlowArOptions flowar_options_of(const NamedTensors& weights) {
  expect_kind(weights, WeightKind::flowar);
  FlowArOptions options;
  options.class_num = size_of(weights, "class_emb.weight", 2, 0) - 1;
  options.encoder_embed_dim = size_of(weights, "class_emb.weight", 2, 1);
  options.encoder_depth = count_modules(weights, "encoder_blocks", "attn.qkv.weight");
  options.decoder_depth = count_modules(weights, "decoder_blocks", "attn.qkv.weight");
  const auto heads = [&](const char* block) {
    const auto freqs = std::string(block) + ".0.attn.rope.freqs";
    const int64_t head_width = weights.contains(freqs) ? 4 * size_of(weights, freqs, 1, 0) : kLatentHeadWidth;
    return options.encoder_embed_dim / std::max<int64_t>(head_width, 1);
  };
  options.encoder_num_heads = heads("encoder_blocks");
  options.decoder_num_heads = heads("decoder_blocks");
  options.diffloss_d = count_modules(weights, "flownet.res_blocks", "attn.qkv.weight");
  options.diffloss_w = size_of(weights, "flownet.input_proj.weight", 2, 0);
  options.cross = weights.contains("flownet.res_blocks.0.crossattn.q.weight");
  options.vae.embed_dim = size_of(weights, "z_proj.weight", 2, 1);
  const bool is_published =
      size_of(weights, "encoder_pos_embed_learned", 3, 1) == tokens_of(square_grids(options.scale));
  if (weights.contains("mask") || !is_published) options.scale = sides_in(weights);
  return checked_options(options, weights);
}

std::shared_ptr<KlVae> load_kl_vae(const KlVaeOptions& options, const NamedTensors& weights,
                                   at::ScalarType type) {
  auto model = build_for_inference<KlVae>(options, type);
  // A discriminator and a perceptual network that its training used may lie in the file as well.
  const auto of_training = [](std::string_view name) { return name.starts_with("loss."); };
  runtime::load_strictly(*model, weights, weights.where(), of_training);
  return model;
}

std::shared_ptr<Mar> load_mar(const MarOptions& options, const NamedTensors& weights, at::ScalarType type) {
  auto model = build_for_inference<Mar>(options, type);
  runtime::load_strictly(*model, weights, weights.where());
  return model;
}

std::shared_ptr<HiMar> load_himar(const HiMarOptions& options, const NamedTensors& weights,
                                  at::ScalarType type) {
  auto model = build_for_inference<HiMar>(options, type);
  runtime::load_strictly(*model, weights, weights.where());
  return model;
}

std::shared_ptr<FlowAr> load_flowar(const FlowArOptions& options, const NamedTensors& weights,
                                    at::ScalarType type) {
  auto model = build_for_inference<FlowAr>(options, type);
  runtime::load_strictly(*model, weights, weights.where());
  return model;
}

}  // namespace arzoo::image
