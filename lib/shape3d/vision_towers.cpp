#include "shape3d/vision_towers.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/attention.h"
#include "kernels/linear.h"

namespace arzoo::shape3d {
namespace {

constexpr double kClipEpsilon = 1e-5, kDinoEpsilon = 1e-6;

/// A tower's weights by what stands after a prefix.
class Weights {
 public:
  Weights(const runtime::NamedTensors& all, std::string prefix) : all_(all), prefix_(std::move(prefix)) {}

  at::Tensor at(const std::string& name) const { return all_.at(prefix_ + name).to(at::kFloat); }
  Weights below(const std::string& name) const { return {all_, prefix_ + name + "."}; }
  at::Tensor linear(const at::Tensor& x, const std::string& name) const {
    return kernels::linear(x, at(name + ".weight"), at(name + ".bias"));
  }
  at::Tensor norm(const at::Tensor& x, const std::string& name, double eps) const {
    return at::layer_norm(x, {x.size(-1)}, at(name + ".weight"), at(name + ".bias"), eps);
  }

 private:
  const runtime::NamedTensors& all_;
  std::string prefix_;
};

/// The names of an attention's projections.
struct AttentionNames {
  const char *query, *key, *value, *out;
};

at::Tensor attended(const at::Tensor& x, const Weights& weights, const AttentionNames& names, int64_t heads) {
  const auto split = [&](const char* name) {
    return weights.linear(x, name).unflatten(2, {heads, -1}).transpose(1, 2).contiguous();
  };
  const auto mixed = kernels::attention(split(names.query), split(names.key), split(names.value));
  return weights.linear(mixed.transpose(1, 2).flatten(2), names.out);
}

/// [B, 3, S, S] to rows of patches [B, P, D]; bias: may be undefined.
at::Tensor patches(const at::Tensor& pixels, const at::Tensor& kernel, const at::Tensor& bias) {
  return at::conv2d(pixels, kernel, bias, kernel.size(2)).flatten(2).transpose(1, 2);
}

at::Tensor quick_gelu(const at::Tensor& x) { return x * at::sigmoid(1.702 * x); }

at::Tensor clip_block(at::Tensor x, const Weights& weights, int64_t heads) {
  constexpr AttentionNames kNames{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                                  "self_attn.out_proj"};
  x = x + attended(weights.norm(x, "layer_norm1", kClipEpsilon), weights, kNames, heads);
  const auto hidden = quick_gelu(weights.linear(weights.norm(x, "layer_norm2", kClipEpsilon), "mlp.fc1"));
  return x + weights.linear(hidden, "mlp.fc2");
}

at::Tensor dino_block(at::Tensor x, const Weights& weights, int64_t heads) {
  constexpr AttentionNames kNames{"attention.attention.query", "attention.attention.key",
                                  "attention.attention.value", "attention.output.dense"};
  const auto mixed = attended(weights.norm(x, "norm1", kDinoEpsilon), weights, kNames, heads);
  x = x + weights.at("layer_scale1.lambda1") * mixed;
  const auto hidden = at::gelu(weights.linear(weights.norm(x, "norm2", kDinoEpsilon), "mlp.fc1"));
  return x + weights.at("layer_scale2.lambda1") * weights.linear(hidden, "mlp.fc2");
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
  auto x = tower.norm(features.embeddings, "pre_layrnorm", kClipEpsilon);
  for (int64_t i = 0; i < options.num_hidden_layers; ++i)
    x = clip_block(x, tower.below(fmt::format("encoder.layers.{}", i)), options.num_attention_heads);
  features.last_hidden_state = x;
  features.pooler_output = tower.norm(x.select(1, 0), "post_layernorm", kClipEpsilon);
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
  for (int64_t i = 0; i < options.num_hidden_layers; ++i)
    x = dino_block(x, tower.below(fmt::format("encoder.layer.{}", i)), options.num_attention_heads);
  features.last_hidden_state = tower.norm(x, "layernorm", kDinoEpsilon);
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
