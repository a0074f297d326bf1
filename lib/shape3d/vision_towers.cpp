#include "shape3d/vision_towers.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/transformer_block.h"

namespace arzoo::shape3d {
namespace {

constexpr double kClipEpsilon = 1e-5, kDinoEpsilon = 1e-6;

/// A tower's weights by what stands after a prefix.
class Weights {
 public:
  Weights(const runtime::NamedTensors& all, std::string prefix) : all_(all), prefix_(std::move(prefix)) {}

  at::Tensor at(const std::string& name) const { return all_.at(prefix_ + name).to(at::kFloat); }
  Weights below(const std::string& name) const { return {all_, prefix_ + name + "."}; }
  nn::Affine affine(const std::string& name) const { return {at(name + ".weight"), at(name + ".bias")}; }

 private:
  const runtime::NamedTensors& all_;
  std::string prefix_;
};

/// The names of an attention's projections.
struct AttentionNames {
  const char *query, *key, *value, *out;
};

nn::BlockWeights block_weights(const Weights& weights, const AttentionNames& names, const char* norm_1,
                               const char* norm_2) {
  nn::BlockWeights block;
  block.norm_1 = weights.affine(norm_1);
  block.norm_2 = weights.affine(norm_2);
  block.query = weights.affine(names.query);
  block.key = weights.affine(names.key);
  block.value = weights.affine(names.value);
  block.projection = weights.affine(names.out);
  block.up = weights.affine("mlp.fc1");
  block.down = weights.affine("mlp.fc2");
  return block;
}

/// [B, 3, S, S] to rows of patches [B, P, D]; bias: may be undefined.
at::Tensor patches(const at::Tensor& pixels, const at::Tensor& kernel, const at::Tensor& bias) {
  return at::conv2d(pixels, kernel, bias, kernel.size(2)).flatten(2).transpose(1, 2);
}

nn::BlockWeights clip_block(const Weights& weights) {
  constexpr AttentionNames kNames{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                                  "self_attn.out_proj"};
  return block_weights(weights, kNames, "layer_norm1", "layer_norm2");
}

nn::BlockWeights dino_block(const Weights& weights) {
  constexpr AttentionNames kNames{"attention.attention.query", "attention.attention.key",
                                  "attention.attention.value", "attention.output.dense"};
  auto block = block_weights(weights, kNames, "norm1", "norm2");
  block.scale_1 = weights.at("layer_scale1.lambda1");
  block.scale_2 = weights.at("layer_scale2.lambda1");
  return block;
}

/// A position table of a square grid, [1, 1 + P, D], for a grid of this side.
at::Tensor position_table(const at::Tensor& table, int64_t side) {
  const auto of_class = table.narrow(1, 0, 1), of_patches = table.narrow(1, 1, table.size(1) - 1);
  const auto own = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(of_patches.size(1)))));
  if (own * own != of_patches.size(1))
    fail<CheckpointError>("a position table of {} patches, expected a square number", of_patches.size(1));
  if (own == side) return table;
  const auto square = of_patches.reshape({1, own, own, -1}).permute({0, 3, 1, 2});
  const auto resized = at::upsample_bicubic2d(square, {side, side}, /*align_corners=*/false);
  return at::cat({of_class, resized.permute({0, 2, 3, 1}).flatten(1, 2)}, 1);
}

}  // namespace

ClipFeatures clip_features(const at::Tensor& pixels, const ClipVisionOptions& options,
                           const runtime::NamedTensors& weights, const std::string& prefix) {
  const torch::NoGradGuard no_grad;
  const Weights tower(weights, prefix + "vision_model.");
  const auto rows = patches(pixels, tower.at("embeddings.patch_embedding.weight"), {});
  const auto of_class = tower.at("embeddings.class_embedding").expand({rows.size(0), 1, -1});
  ClipFeatures features;
  features.embeddings = at::cat({of_class, rows}, 1) + tower.at("embeddings.position_embedding.weight");
  const nn::TransformerBlock block(
      {.heads = options.num_attention_heads, .feed_forward = "quick_gelu", .norm_eps = kClipEpsilon});
  auto x = block.norm(features.embeddings, tower.affine("pre_layrnorm"));
  for (int64_t i = 0; i < options.num_hidden_layers; ++i)
    x = block.forward(x, clip_block(tower.below(fmt::format("encoder.layers.{}", i))));
  features.last_hidden_state = x;
  features.pooler_output = block.norm(x.select(1, 0), tower.affine("post_layernorm"));
  return features;
}

DinoFeatures dino_features(const at::Tensor& pixels, const ClipVisionOptions& options,
                           const runtime::NamedTensors& weights, const std::string& prefix) {
  const torch::NoGradGuard no_grad;
  const Weights tower(weights, prefix);
  const auto rows = patches(pixels, tower.at("embeddings.patch_embeddings.projection.weight"),
                            tower.at("embeddings.patch_embeddings.projection.bias"));
  const auto of_class = tower.at("embeddings.cls_token").expand({rows.size(0), 1, -1});
  const auto places =
      position_table(tower.at("embeddings.position_embeddings"), pixels.size(2) / options.patch_size);
  DinoFeatures features;
  features.embeddings = at::cat({of_class, rows}, 1) + places;
  auto x = features.embeddings;
  const nn::TransformerBlock block({.heads = options.num_attention_heads, .norm_eps = kDinoEpsilon});
  for (int64_t i = 0; i < options.num_hidden_layers; ++i)
    x = block.forward(x, dino_block(tower.below(fmt::format("encoder.layer.{}", i))));
  features.last_hidden_state = block.norm(x, tower.affine("layernorm"));
  return features;
}

at::Tensor vision_pixels(const at::Tensor& pictures, int64_t size) {
  const auto planes = pictures.permute({0, 3, 1, 2});
  const int64_t height = planes.size(2), width = planes.size(3), shorter = std::min(height, width);
  const int64_t new_height = size * height / shorter, new_width = size * width / shorter;
  const auto resized = at::_upsample_bicubic2d_aa(planes, {new_height, new_width}, /*align_corners=*/false);
  // To even on a tie, as Python rounds.
  const auto margin = [&](int64_t side) { return std::lrint(static_cast<double>(side - size) / 2.0); };
  const auto cropped = resized.narrow(2, margin(new_height), size).narrow(3, margin(new_width), size);
  const auto mean = at::tensor({0.48145466F, 0.4578275F, 0.40821073F}, planes.options()).view({1, 3, 1, 1});
  const auto stddev =
      at::tensor({0.26862954F, 0.26130258F, 0.27577711F}, planes.options()).view({1, 3, 1, 1});
  return (cropped - mean) / stddev;
}

at::Tensor merged_condition(const ClipFeatures& clip, const DinoFeatures& dino) {
  const auto& rows = dino.last_hidden_state;
  return at::cat({clip.last_hidden_state.narrow(1, 0, 1), rows.narrow(1, 1, rows.size(1) - 1)}, 1);
}

}  // namespace arzoo::shape3d
