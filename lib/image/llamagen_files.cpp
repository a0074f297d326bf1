#include "image/llamagen_files.h"

#include <torch/torch.h>

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "image/weight_kind.h"
#include "image/weight_shapes.h"

namespace arzoo::image {
namespace {

using runtime::NamedTensors;

constexpr int64_t kUsualHeadWidth = 64, kPixelsPerToken = 16;
/// Published widths with other heads, and how many they have.
constexpr std::pair<int64_t, int64_t> kOtherHeads[] = {{3200, 32}, {4096, 32}};

/// The widths of a half's levels in multiples of ch, in the order of computation.
std::vector<int64_t> multiples_of(const NamedTensors& weights, const std::string& half, int64_t ch) {
  constexpr int64_t kMostLevels = 8;
  const auto first = [&](int64_t level) {
    return fmt::format("{}.conv_blocks.{}.res.0.conv1.weight", half, level);
  };
  std::vector<int64_t> multiples;
  const int64_t levels = std::min(count_of(weights, first), kMostLevels);
  for (int64_t level = 0; level < levels; ++level)
    multiples.push_back(size_of(weights, first(level), 4, 0) / std::max<int64_t>(ch, 1));
  return multiples;
}

int64_t heads_of(int64_t width) {
  for (const auto& [published, heads] : kOtherHeads) {
    if (published == width) return heads;
  }
  return std::max<int64_t>(width / kUsualHeadWidth, 1);
}

/// The number that ends a file's name: of c2i_B_384.pt 384.
std::optional<int64_t> ending_number(const std::string& where) {
  constexpr std::size_t kMostDigits = 5;
  const auto stem = std::filesystem::path(where).stem().string();
  auto first = stem.size();
  while (first > 0 && stem[first - 1] >= '0' && stem[first - 1] <= '9') --first;
  if (first == stem.size() || first == 0 || stem[first - 1] != '_' || stem.size() - first > kMostDigits)
    return std::nullopt;
  return std::stoll(stem.substr(first));
}

int64_t tokens_of(const NamedTensors& weights, int64_t before, int64_t otherwise) {
  if (const auto* table = weights.find("freqs_cis"); table != nullptr && table->dim() == 3)
    return table->size(0) - before;
  if (const auto pixels = ending_number(weights.where()))
    return (*pixels / kPixelsPerToken) * (*pixels / kPixelsPerToken);
  return otherwise;
}

/// multiple_of with which the feed-forward layer gets the width that it has.
int64_t rounding_of(const LlamaGenOptions& options, int64_t hidden) {
  return options.hidden_width() == hidden ? options.multiple_of : hidden;
}

}  // namespace

LlamaGenVqOptions llamagen_vq_options_of(const NamedTensors& weights) {
  expect_kind(weights, WeightKind::llamagen_vq);
  LlamaGenVqOptions options;
  options.codebook_size = size_of(weights, "quantize.embedding.weight", 2, 0);
  options.codebook_embed_dim = size_of(weights, "quantize.embedding.weight", 2, 1);
  options.ch = size_of(weights, "encoder.conv_in.weight", 4, 0);
  options.z_channels = size_of(weights, "encoder.conv_out.weight", 4, 0);
  options.encoder_ch_mult = multiples_of(weights, "encoder", options.ch);
  options.decoder_ch_mult = multiples_of(weights, "decoder", options.ch);
  std::reverse(options.decoder_ch_mult.begin(), options.decoder_ch_mult.end());
  options.num_res_blocks = count_modules(weights, "encoder.conv_blocks.0.res", "conv1.weight");
  return checked_options(options, weights);
}

LlamaGenOptions llamagen_options_of(const NamedTensors& weights) {
  expect_kind(weights, WeightKind::llamagen);
  LlamaGenOptions options;
  options.vocab_size = size_of(weights, "tok_embeddings.weight", 2, 0);
  options.dim = size_of(weights, "tok_embeddings.weight", 2, 1);
  options.n_layer = count_modules(weights, "layers", "attention.wqkv.weight");
  options.n_head = heads_of(options.dim);
  const int64_t width = std::max<int64_t>(options.dim / options.n_head, 1);
  const int64_t rows = size_of(weights, "layers.0.attention.wqkv.weight", 2, 0);
  const int64_t kv_heads = (rows / width - options.n_head) / 2;
  if (kv_heads != options.n_head) options.n_kv_head = kv_heads;
  options.multiple_of = rounding_of(options, size_of(weights, "layers.0.feed_forward.w1.weight", 2, 0));
  if (weights.contains("cls_embedding.uncond_embedding")) {
    options.model_type = "t2i";
    options.cls_token_num = size_of(weights, "cls_embedding.uncond_embedding", 2, 0);
    options.caption_dim = size_of(weights, "cls_embedding.uncond_embedding", 2, 1);
  } else {
    options.num_classes = size_of(weights, "cls_embedding.embedding_table.weight", 2, 0) - 1;
  }
  options.block_size = tokens_of(weights, options.cls_token_num, options.block_size);
  if (weights.contains("value_embeddings.weight")) {
    options.value_memory.kind = "move";
    options.value_memory.slots =
        size_of(weights, "value_embeddings.weight", 2, 1) / std::max<int64_t>(options.kv_heads() * width, 1);
  } else if (weights.contains("value_embeddings.0.weight")) {
    options.value_memory.kind = "lave";
  }
  options.vae.codebook_size = options.vocab_size;
  return checked_options(options, weights);
}

std::shared_ptr<LlamaGenVq> load_llamagen_vq(const LlamaGenVqOptions& options, const NamedTensors& weights,
                                             at::ScalarType type) {
  auto model = build_for_inference<LlamaGenVq>(options, type);
  // A counter of the last uses in training.
  const auto statistics = [](std::string_view name) { return name == "quantize.codebook_used"; };
  runtime::load_strictly(*model, weights, weights.where(), statistics);
  return model;
}

std::shared_ptr<LlamaGen> load_llamagen(const LlamaGenOptions& options, const NamedTensors& weights,
                                        at::ScalarType type) {
  auto model = build_for_inference<LlamaGen>(options, type);
  runtime::load_strictly(*model, weights, weights.where());
  return model;
}

}  // namespace arzoo::image
