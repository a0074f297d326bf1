#include "image/weight_kind.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace arzoo::image {
namespace {

/// A tensor that only this kind has, once those before it in the list are ruled out.
constexpr std::pair<WeightKind, std::string_view> kMarks[] = {
    {WeightKind::himar, "cond_diffloss.net.x_embedder.proj.weight"},
    {WeightKind::mar, "diffloss.net.input_proj.weight"},
    {WeightKind::flowar, "flownet.input_proj.weight"},
    {WeightKind::var, "lvl_embed.weight"},
    {WeightKind::llamagen, "layers.0.attention.wqkv.weight"},
    {WeightKind::llamagen_vq, "encoder.conv_blocks.0.res.0.conv1.weight"},
    {WeightKind::vqvae, "quantize.embedding.weight"},
    {WeightKind::kl_vae, "post_quant_conv.weight"},
};

bool is_name(std::string_view path, std::string_view name) {
  return path.ends_with(name) && (path.size() == name.size() || path[path.size() - name.size() - 1] == '.');
}

}  // namespace

WeightKind kind_of_weights(std::span<const std::string> names) {
  for (const auto& [kind, mark] : kMarks) {
    const auto is_mark = [mark = mark](const std::string& name) { return is_name(name, mark); };
    if (std::any_of(names.begin(), names.end(), is_mark)) return kind;
  }
  return WeightKind::unknown;
}

std::string_view in_words(WeightKind kind) {
  switch (kind) {
    case WeightKind::var:
      return "a VAR";
    case WeightKind::mar:
      return "a MAR";
    case WeightKind::himar:
      return "a Hi-MAR";
    case WeightKind::flowar:
      return "a FlowAR";
    case WeightKind::vqvae:
      return "VAR's tokenizer (a multi-scale VQ-VAE)";
    case WeightKind::kl_vae:
      return "the tokenizer of MAR, Hi-MAR and FlowAR (a KL-VAE)";
    case WeightKind::llamagen:
      return "a LlamaGen";
    case WeightKind::llamagen_vq:
      return "LlamaGen's tokenizer";
    case WeightKind::unknown:
      break;
  }
  return "another model";
}

void expect_kind(const runtime::NamedTensors& weights, WeightKind expected) {
  const auto kind = kind_of_weights(weights.names());
  if (kind == expected || kind == WeightKind::unknown) return;
  fail<CheckpointError>("{}: the weights of {}, expected those of {}", weights.where(), in_words(kind),
                        in_words(expected));
}

}  // namespace arzoo::image
