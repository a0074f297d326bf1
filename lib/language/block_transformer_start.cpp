#include <torch/torch.h>

#include "language/block_transformer_model.h"

namespace arzoo::language {
namespace {

constexpr std::string_view kLayers = "gpt_neox.layers.";

int64_t count_layers(const runtime::NamedTensors& vanilla) {
  int64_t count = 0;
  while (vanilla.contains(std::string(kLayers) + std::to_string(count) + ".attention.dense.weight")) ++count;
  return count;
}

/// Numbers of the vanilla model's layers that a decoder takes.
std::vector<int64_t> layers_for(const BlockTransformerOptions& options, int64_t all, bool block_decoder) {
  const int64_t wanted = block_decoder ? options.block_layers : options.token_layers;
  const bool skips = options.from_method == "skip", parted = options.from_method == "partition";
  std::vector<int64_t> layers;
  for (int64_t i = 0; i < wanted; ++i)
    layers.push_back(skips ? 2 * i : parted && !block_decoder ? options.block_layers + i : i);
  if (layers.back() >= all) {
    fail<CheckpointError>("{}: {} layers, but from_method \"{}\" asks for layer {}", options.from, all,
                          options.from_method, layers.back());
  }
  return layers;
}

void copy_into(const at::Tensor& parameter, const at::Tensor& value, const std::string& name) {
  if (parameter.sizes() != value.sizes()) {
    fail<CheckpointError>("the vanilla model's {} has another size than the block model's", name);
  }
  auto target = parameter.detach();
  target.copy_(value);
}

void copy_layers(const nn::NamedDecoder& decoder, const std::vector<int64_t>& layers,
                 const runtime::NamedTensors& vanilla) {
  for (const auto& parameter : decoder.named_parameters()) {
    const auto& name = parameter.key();  // layers.<i>.…
    if (!name.starts_with("layers.")) continue;
    const auto dot = name.find('.', 7);
    const auto layer = std::stoll(name.substr(7, dot - 7));
    const auto source =
        std::string(kLayers) + std::to_string(layers[static_cast<std::size_t>(layer)]) + name.substr(dot);
    copy_into(parameter.value(), vanilla.at(source), source);
  }
}

}  // namespace

void BlockTransformer::take_vanilla(const runtime::NamedTensors& vanilla) {
  const torch::NoGradGuard no_grad;
  const auto& embedding = vanilla.at("gpt_neox.embed_in.weight");
  const int64_t all = count_layers(vanilla);
  copy_layers(*block_decoder_, layers_for(options_, all, true), vanilla);
  copy_layers(*token_decoder_, layers_for(options_, all, false), vanilla);
  copy_into(table_, embedding, "embed_in");
  if (!options_.from_computed_embeddings) copy_into(token_decoder_->embedding(), embedding, "embed_in");
  for (const auto& parameter : token_decoder_->named_parameters()) {
    if (parameter.key().starts_with("final_layer_norm."))
      copy_into(parameter.value(), vanilla.at("gpt_neox." + parameter.key()), parameter.key());
  }
  copy_into(head_->weight(), vanilla.at("embed_out.weight"), "embed_out");
  // The mean of a block's tokens, and each vector of a block as it is.
  if (projection_weight_.defined() && options_.from_mean_embedder) {
    const auto mean = at::eye(options_.hidden_size, projection_weight_.options()) /
                      static_cast<double>(options_.block_length);
    projection_weight_.copy_(mean.unsqueeze(-1));
    projection_bias_.zero_();
  }
  if (options_.from_computed_embeddings) {
    const auto computed = block_decoder_->forward(table_.unsqueeze(1)).squeeze(1);
    copy_into(token_decoder_->embedding(), computed, "embed_in");
  }
  if (!expansion_weight_.defined() || !options_.from_identity_expansion) return;
  const auto identity = at::eye(options_.hidden_size, expansion_weight_.options());
  expansion_weight_.copy_(identity.repeat({options_.expansion_ratio, 1}).unsqueeze(-1));
  expansion_bias_.zero_();
}

}  // namespace arzoo::language
