#include "image/var_files.h"

#include <torch/torch.h>

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "image/weight_kind.h"
#include "image/weight_shapes.h"
#include "io/stored_tensor.h"

namespace arzoo::image {
namespace {

using runtime::NamedTensors;

constexpr int64_t kHeadWidth = 64;
constexpr int64_t kMostSide = 4096;

void read_phis(const NamedTensors& weights, VqvaeOptions& options) {
  const int64_t shared = count_modules(weights, "quantize.quant_resi.qresi_ls", "weight");
  if (shared > 0) {
    options.share_quant_resi = shared;
  } else if (weights.contains("quantize.quant_resi.qresi.weight")) {
    options.share_quant_resi = 1;
  } else if (weights.contains("quantize.quant_resi.0.weight")) {
    options.share_quant_resi = 0;
  } else {
    options.quant_resi = 0.0;
  }
}

/// The sides of so many token maps with so many tokens in all: of a published schedule, 1, 2, 3, …, or one of
/// these after the class's own level (of a student). Throws CheckpointError for others.
std::vector<int64_t> known_sides(const NamedTensors& weights, int64_t scales, int64_t tokens) {
  std::vector<int64_t> numbers(static_cast<std::size_t>(std::clamp<int64_t>(scales, 0, kMostSide)));
  std::iota(numbers.begin(), numbers.end(), 1);
  const std::vector<std::vector<int64_t>> schedules = {
      VarOptions().patch_nums, {1, 2, 3, 4, 6, 9, 13, 18, 24, 32}, numbers};
  for (auto sides : schedules) {
    const auto fits = [&] {
      return static_cast<int64_t>(sides.size()) == scales && tokens_of(square_grids(sides)) == tokens;
    };
    if (fits()) return sides;
    sides.insert(sides.begin(), 1);
    if (sides.size() > numbers.size()) sides.pop_back();
    if (fits()) return sides;
  }
  fail<CheckpointError>(
      "{}: no lvl_1L, and {} tokens in {} scales are no published schedule (a folder's config.json names the "
      "patch_nums)",
      weights.where(), tokens, scales);
}

/// The sides of the token maps: of each level, the root of its number of tokens.
std::vector<int64_t> sides_of(const NamedTensors& weights, int64_t scales) {
  if (!weights.contains("lvl_1L")) return known_sides(weights, scales, size_of(weights, "pos_1LC", 3, 1));
  const auto levels = weights.at("lvl_1L").to(at::kLong).flatten();
  std::vector<int64_t> sides;
  int64_t begin = 0;
  for (int64_t k = 0; k < scales; ++k) {
    const int64_t tokens = levels.eq(k).sum().item<int64_t>();
    sides.push_back(side_of(weights, fmt::format("scale {} of lvl_1L", k), tokens));
    const bool in_order =
        begin + tokens <= levels.numel() && levels.narrow(0, begin, tokens).eq(k).all().item<bool>();
    if (!in_order)
      fail<CheckpointError>("{}: the tokens of scale {} in lvl_1L lie apart, expected them in one run",
                            weights.where(), k);
    begin += tokens;
  }
  return sides;
}

}  // namespace

VqvaeOptions vqvae_options_of(const NamedTensors& weights) {
  expect_kind(weights, WeightKind::vqvae);
  VqvaeOptions options;
  options.vocab_size = size_of(weights, "quantize.embedding.weight", 2, 0);
  options.z_channels = size_of(weights, "quantize.embedding.weight", 2, 1);
  read_coder(weights, options);
  options.quant_conv_ks = size_of(weights, "quant_conv.weight", 4, 2);
  read_phis(weights, options);
  // The file may serve other schedules than the one it was trained with: only the number of scales shows.
  const int64_t scales = size_of(weights, "quantize.ema_vocab_hit_SV", 2, 0);
  const auto published = options.v_patch_nums;
  if (scales != static_cast<int64_t>(published.size())) {
    options.v_patch_nums.clear();
    for (int64_t k = 1; k <= std::min(scales, kMostSide); ++k) options.v_patch_nums.push_back(k);
  }
  return checked_options(options, weights);
}

VarOptions var_options_of(const NamedTensors& weights) {
  expect_kind(weights, WeightKind::var);
  VarOptions options;
  options.num_classes = size_of(weights, "class_emb.weight", 2, 0) - 1;
  options.embed_dim = size_of(weights, "class_emb.weight", 2, 1);
  options.depth = count_modules(weights, "blocks", "attn.mat_qkv.weight");
  options.drop_path_rate = 0.1 * static_cast<double>(options.depth) / 24.0;
  options.attn_l2_norm = weights.contains("blocks.0.attn.scale_mul_1H11");
  options.num_heads = options.attn_l2_norm ? size_of(weights, "blocks.0.attn.scale_mul_1H11", 4, 1)
                                           : options.embed_dim / kHeadWidth;
  options.shared_aln = weights.contains("blocks.0.ada_gss");
  options.mlp_ratio = static_cast<double>(size_of(weights, "blocks.0.ffn.fc1.weight", 2, 0)) /
                      static_cast<double>(std::max<int64_t>(options.embed_dim, 1));
  options.patch_nums = sides_of(weights, size_of(weights, "lvl_embed.weight", 2, 0));
  options.vae.vocab_size = size_of(weights, "head.weight", 2, 0);
  const auto& bias = weights.at("head.bias");
  if (bias.numel() != options.vae.vocab_size || size_of(weights, "head.weight", 2, 1) != options.embed_dim) {
    fail<CheckpointError>(
        "{}: head.weight is {}, expected {}: a row per number of head.bias, as wide as "
        "class_emb.weight",
        weights.where(), io::shown(weights.at("head.weight").sizes()),
        io::shown(std::vector<int64_t>{bias.numel(), options.embed_dim}));
  }
  options.vae.z_channels = size_of(weights, "word_embed.weight", 2, 1);
  options.vae.v_patch_nums = options.patch_nums;
  return checked_options(options, weights);
}

std::shared_ptr<Vqvae> load_vqvae(const VqvaeOptions& options, const NamedTensors& weights,
                                  at::ScalarType type) {
  auto model = build_for_inference<Vqvae>(options, type);
  // Statistics of training, with a row per scale of the schedule of that time.
  const auto statistics = [](std::string_view name) { return name == "quantize.ema_vocab_hit_SV"; };
  runtime::load_strictly(*model, weights, weights.where(), statistics);
  return model;
}

std::shared_ptr<Var> load_var(const VarOptions& options, const NamedTensors& weights, at::ScalarType type) {
  auto model = build_for_inference<Var>(options, type);
  runtime::load_strictly(*model, weights, weights.where());
  return model;
}

}  // namespace arzoo::image
