#include "image/var_files.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <cmath>

#include "core/error.h"
#include "runtime/memory_budget.h"

namespace arzoo::image {
namespace {

using runtime::NamedTensors;

constexpr int64_t kHeadWidth = 64;
constexpr int64_t kMostLevels = 8, kMostSide = 4096;

/// The size along one axis of a tensor that must have `dim` of them.
int64_t size_of(const NamedTensors& weights, const std::string& name, int64_t dim, int64_t axis) {
  const auto& tensor = weights.at(name);
  if (tensor.dim() != dim) {
    fail<CheckpointError>("{}: {} has shape [{}], expected {} axes", weights.where(), name,
                          fmt::join(tensor.sizes(), ", "), dim);
  }
  return tensor.size(axis);
}

/// Numbers n = 0, 1, … for which `name(n)` is there.
template <class Name>
int64_t count(const NamedTensors& weights, const Name& name) {
  int64_t n = 0;
  while (weights.contains(name(n))) ++n;
  return n;
}

void read_coder(const NamedTensors& weights, VqvaeOptions& options) {
  const auto first_conv = [](int64_t level) {
    return fmt::format("encoder.down.{}.block.0.conv1.weight", level);
  };
  options.ch = size_of(weights, "encoder.conv_in.weight", 4, 0);
  options.ch_mult.clear();
  const int64_t levels = std::min(count(weights, first_conv), kMostLevels);
  for (int64_t level = 0; level < levels; ++level)
    options.ch_mult.push_back(size_of(weights, first_conv(level), 4, 0) / std::max<int64_t>(options.ch, 1));
  options.num_res_blocks =
      count(weights, [](int64_t j) { return fmt::format("encoder.down.0.block.{}.conv1.weight", j); });
  options.quant_conv_ks = size_of(weights, "quant_conv.weight", 4, 2);
}

void read_phis(const NamedTensors& weights, VqvaeOptions& options) {
  const auto shared =
      count(weights, [](int64_t n) { return fmt::format("quantize.quant_resi.qresi_ls.{}.weight", n); });
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

/// The sides of the token maps: of each level, the root of its number of tokens.
std::vector<int64_t> sides_of(const NamedTensors& weights, int64_t scales) {
  const auto levels = weights.at("lvl_1L").to(at::kLong).flatten();
  std::vector<int64_t> sides;
  int64_t begin = 0;
  for (int64_t k = 0; k < scales; ++k) {
    const int64_t tokens = levels.eq(k).sum().item<int64_t>();
    const auto side = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(tokens))));
    const bool in_order =
        begin + tokens <= levels.numel() && levels.narrow(0, begin, tokens).eq(k).all().item<bool>();
    if (tokens == 0 || side * side != tokens || side > kMostSide || !in_order)
      fail<CheckpointError>("{}: lvl_1L has {} tokens of scale {}, expected a square in one run",
                            weights.where(), tokens, k);
    sides.push_back(side);
    begin += tokens;
  }
  return sides;
}

/// Checks what was read as if somebody had written it down.
template <class Options>
Options checked(const Options& options, const NamedTensors& weights) {
  try {
    return Config(to_json(options), weights.where()).as<Options>();
  } catch (const ConfigError& error) {
    throw CheckpointError(error.what());
  }
}

template <class Model, class Options>
std::shared_ptr<Model> build(const Options& options, at::ScalarType type) {
  const Config section(to_json(options), std::string(Options::kName), "/model");
  return runtime::within_memory(section, [&] {
    auto model = std::make_shared<Model>(options);
    model->set_type(type);
    model->eval();
    for (auto& parameter : model->parameters()) parameter.requires_grad_(false);
    return model;
  });
}

}  // namespace

VqvaeOptions vqvae_options_of(const NamedTensors& weights) {
  VqvaeOptions options;
  options.vocab_size = size_of(weights, "quantize.embedding.weight", 2, 0);
  options.z_channels = size_of(weights, "quantize.embedding.weight", 2, 1);
  read_coder(weights, options);
  read_phis(weights, options);
  // The file may serve other schedules than the one it was trained with: only the number of scales shows.
  const int64_t scales = size_of(weights, "quantize.ema_vocab_hit_SV", 2, 0);
  const auto published = options.v_patch_nums;
  if (scales != static_cast<int64_t>(published.size())) {
    options.v_patch_nums.clear();
    for (int64_t k = 1; k <= std::min(scales, kMostSide); ++k) options.v_patch_nums.push_back(k);
  }
  return checked(options, weights);
}

VarOptions var_options_of(const NamedTensors& weights) {
  VarOptions options;
  options.num_classes = size_of(weights, "class_emb.weight", 2, 0) - 1;
  options.embed_dim = size_of(weights, "class_emb.weight", 2, 1);
  options.depth = count(weights, [](int64_t i) { return fmt::format("blocks.{}.attn.mat_qkv.weight", i); });
  options.drop_path_rate = 0.1 * static_cast<double>(options.depth) / 24.0;
  options.attn_l2_norm = weights.contains("blocks.0.attn.scale_mul_1H11");
  options.num_heads = options.attn_l2_norm ? size_of(weights, "blocks.0.attn.scale_mul_1H11", 4, 1)
                                           : options.embed_dim / kHeadWidth;
  options.shared_aln = weights.contains("blocks.0.ada_gss");
  options.mlp_ratio = static_cast<double>(size_of(weights, "blocks.0.ffn.fc1.weight", 2, 0)) /
                      static_cast<double>(std::max<int64_t>(options.embed_dim, 1));
  options.patch_nums = sides_of(weights, size_of(weights, "lvl_embed.weight", 2, 0));
  options.vae.vocab_size = size_of(weights, "head.weight", 2, 0);
  options.vae.z_channels = size_of(weights, "word_embed.weight", 2, 1);
  options.vae.v_patch_nums = options.patch_nums;
  return checked(options, weights);
}

std::shared_ptr<Vqvae> load_vqvae(const VqvaeOptions& options, const NamedTensors& weights,
                                  at::ScalarType type) {
  auto model = build<Vqvae>(options, type);
  // Statistics of training, with a row per scale of the schedule of that time.
  const auto statistics = [](std::string_view name) { return name == "quantize.ema_vocab_hit_SV"; };
  runtime::load_strictly(*model, weights, weights.where(), statistics);
  return model;
}

std::shared_ptr<Var> load_var(const VarOptions& options, const NamedTensors& weights, at::ScalarType type) {
  auto model = build<Var>(options, type);
  runtime::load_strictly(*model, weights, weights.where());
  return model;
}

}  // namespace arzoo::image
