#include <torch/torch.h>

#include "language/bert_model.h"
#include "language/fixture.h"

namespace arzoo::language {
namespace {

/// A layer under ByteTransformer's names, [in, out] kernels.
nn::BlockWeights operator_weights(const runtime::NamedTensors& weights, const std::string& prefix,
                                  bool input_major) {
  const auto map = [&](const char* kernel, const char* bias) {
    const auto& weight = weights.at(prefix + kernel);
    return nn::Affine{input_major ? weight.t().contiguous() : weight, weights.at(prefix + bias)};
  };
  const auto norm = [&](const std::string& name) {
    return nn::Affine{weights.at(prefix + name + "_gamma"), weights.at(prefix + name + "_beta")};
  };
  nn::BlockWeights block;
  block.qkv = map("qkv_kernel", "qkv_bias");
  block.projection = map("attr_output_kernel", "attr_output_bias");
  block.up = map("inter_kernel", "inter_bias");
  block.down = map("output_kernel", "output_bias");
  block.norm_1 = norm("attr_output_layernorm");
  block.norm_2 = norm("output_layernorm");
  return block;
}

std::string activation_of(const ParityCase& fixture) {
  return fixture.config.has("activation") ? fixture.config.text("activation") : "gelu";
}

}  // namespace

void replay_bert(const ParityCase& fixture, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto weights = bert_tensors(fixture.weights());
  Bert model(published_bert_options(fixture.config), weights.contains("pooler.dense.weight"));
  fixture.load(model, weights);
  model.eval();
  const auto& ids = fixture.input("input_ids");
  const nn::PackedSequences sequences(fixture.input("attention_mask"));
  const auto types =
      fixture.has_input("token_type_ids") ? fixture.input("token_type_ids") : at::zeros_like(ids);
  const auto encoded = model.encode(sequences.pack(ids), sequences, sequences.pack(types));
  check_if_listed("cu_seqlens", sequences.boundaries(), fixture, report);
  check_if_listed("packed", encoded.hidden, fixture, report);
  check_if_listed("output", sequences.unpack(encoded.hidden), fixture, report);
  if (model.has_pooler()) check_if_listed("pooler", model.pooled(encoded.hidden, sequences), fixture, report);
  check_if_listed("mean", sequences.mean(encoded.hidden), fixture, report);
  for (std::size_t i = 0; i < encoded.inputs.size(); ++i)
    check_if_listed(fmt::format("hidden{}", i), encoded.inputs[i], fixture, report);
}

void replay_byte_transformer(const ParityCase& fixture, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto weights = fixture.weights();
  const nn::PackedSequences sequences(fixture.input("seqlen_mask"));
  const bool input_major = !fixture.config.has("kernels") || fixture.config.text("kernels") == "input_major";
  const PackedEncoder encoder({.heads = whole_number(fixture, "head_num", 1),
                               .activation = activation_of(fixture),
                               .norm_eps = real_number(fixture, "layer_norm_eps", 1e-5)});
  auto x = sequences.pack(fixture.input("from_tensor"));
  for (int64_t i = 0; i < whole_number(fixture, "n_layers", 1); ++i) {
    x = encoder.block(x, operator_weights(weights, fmt::format("layer.{}.", i), input_major), sequences);
    check_if_listed(fmt::format("layer{}", i), sequences.unpack(x), fixture, report);
  }
  report.check("cu_seqlens", sequences.boundaries());
  report.check("packed", x);
}

void replay_bert_layer(const ParityCase& fixture, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto weights = fixture.weights();
  const nn::PackedSequences sequences(fixture.input("mask"));
  const auto part = [&](const std::string& name) {
    return nn::Affine{weights.at(name + ".weight"), weights.at(name + ".bias")};
  };
  nn::BlockWeights block;
  block.qkv = part("qkv");
  block.projection = part("out");
  block.up = part("fc1");
  block.down = part("fc2");
  block.norm_1 = part("ln1");
  block.norm_2 = part("ln2");
  const PackedEncoder encoder({.heads = whole_number(fixture, "num_heads", 1),
                               .activation = activation_of(fixture),
                               .norm_eps = real_number(fixture, "layer_norm_eps", 1e-6)});
  const auto x = sequences.pack(fixture.input("x_padded"));
  report.check("x_packed", x);
  report.check("cu_seqlens", sequences.boundaries());
  report.check("gather_index", sequences.places());
  const auto context = encoder.context(x, block, sequences);
  report.check("attention_packed", context);
  report.check("attention_padded", sequences.unpack(context));
  const auto output = encoder.block(x, block, sequences);
  report.check("output_packed", output);
  report.check("output_padded", sequences.unpack(output));
}

}  // namespace arzoo::language
