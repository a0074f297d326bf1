#include "language/dsformer_model.h"

#include <torch/torch.h>

#include <set>

#include "core/run_dir.h"
#include "language/decoder_lm_model.h"
#include "language/experiment.h"
#include "language/fixture.h"
#include "language/text_study.h"
#include "nn/structured_linear.h"

namespace arzoo::language {
namespace {

/// Which map of a block this is: "attn.c_attn".
std::string kind_of(const std::string& name, int64_t in, int64_t out) {
  const bool attention = name == "c_attn" || (name == "c_proj" && in == out);
  return (attention ? "attn." : "mlp.") + name;
}

nn::GptBlocks::MakeMap factored_maps(const DsformerOptions& options) {
  return [options](torch::nn::Module& owner, const std::string& name, int64_t in, int64_t out) {
    const auto kind = kind_of(name, in, out);
    nn::Affine affine;
    if (options.factors == "low_rank") {
      const nn::StructureOptions structure{.method = "lowrank", .rank = options.low_rank(kind, in, out)};
      affine.structure = owner.register_module(
          name, std::make_shared<nn::StructuredLinear>(structure, in, out, options.bias));
    } else {
      const auto sizes = options.sizes_of(kind);
      affine.structure = owner.register_module(
          name, std::make_shared<nn::DenseSparseLinear>(
                    nn::DenseSparseSizes{sizes.blocks, sizes.rank, sizes.nonzeros}, in, out, options.bias));
    }
    return affine;
  };
}

/// Whether the weights of a place are GPT-2's, whose maps are stored [in, out].
bool holds_gpt2(const std::filesystem::path& place) {
  const auto file = place / "config.json";
  if (!std::filesystem::exists(file)) return false;
  const auto config = Config::load(file);
  if (config.has("model_type")) return config.text("model_type") == "gpt2";
  if (!config.has("model")) return false;
  const auto model = config.at("model");
  return model.text("name") == DecoderLmOptions::kName && model.has("architecture") &&
         model.text("architecture") == "gpt2";
}

}  // namespace

runtime::NamedTensors nano_gpt_tensors(const std::filesystem::path& place) {
  const auto file = runtime::open_tensors(place);
  if (!holds_gpt2(place)) return without_tied_head(file);
  runtime::NamedTensors own(file.where());
  for (const auto& [name, tensor] : canonical_tensors({.architecture = "gpt2"}, file)) {
    const bool is_mask = name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias");
    const bool is_map =
        name.ends_with(".weight") && name.find(".h.") != std::string::npos && tensor.dim() == 2;
    if (!is_mask) own.add(name, is_map ? tensor.t() : tensor);
  }
  return own;
}

int64_t stored_numbers(const DsformerLm& model) {
  int64_t numbers = 0;
  for (const auto& parameter : model.named_parameters()) numbers += parameter.value().numel();
  for (const auto& part : model.modules(/*include_self=*/false)) {
    if (const auto* map = dynamic_cast<const nn::DenseSparseLinear*>(part.get()))
      numbers -= map->masked_numbers();
  }
  return numbers;
}

DsformerLm::DsformerLm(const DsformerOptions& options)
    : NanoGpt(options.decoder(), options.vocab_size, options.block_size, factored_maps(options)),
      options_(options) {}

std::map<std::string, std::shared_ptr<nn::DenseSparseLinear>> DsformerLm::maps() {
  std::map<std::string, std::shared_ptr<nn::DenseSparseLinear>> found;
  for (const auto& entry : named_modules("", /*include_self=*/false)) {
    if (auto map = std::dynamic_pointer_cast<nn::DenseSparseLinear>(entry.value())) found[entry.key()] = map;
  }
  return found;
}

void DsformerLm::initialise() {
  NanoGpt::initialise();
  constexpr double kDeviation = 0.02;
  for (const auto& part : modules(/*include_self=*/false)) {
    if (auto* map = dynamic_cast<nn::DenseSparseLinear*>(part.get())) map->initialise(kDeviation);
    if (auto* map = dynamic_cast<nn::StructuredLinear*>(part.get()))
      map->initialise({.post_init = "svd", .deviation = kDeviation});
  }
  if (!options_.from.empty()) factorise(nano_gpt_tensors(model_place(options_.from)));
}

void DsformerLm::factorise(const runtime::NamedTensors& dense) {
  const torch::NoGradGuard no_grad;
  const auto taken = [&](const std::string& name, at::IntArrayRef sizes) {
    const auto& value = dense.at(name);
    if (value.sizes() != sizes)
      fail<CheckpointError>("{}: {} has another size than the model's", dense.where(), name);
    return value.to(at::kFloat);
  };
  std::set<std::string> factored;
  for (const auto& entry : named_modules("", /*include_self=*/false)) {
    auto* sparse = dynamic_cast<nn::DenseSparseLinear*>(entry.value().get());
    auto* thin = dynamic_cast<nn::StructuredLinear*>(entry.value().get());
    if (sparse == nullptr && thin == nullptr) continue;
    const auto& name = entry.key();
    const auto [in, out] = sparse != nullptr ? sparse->sizes() : thin->sizes();
    const auto weight = taken(name + ".weight", {out, in});
    const auto bias = options_.bias ? taken(name + ".bias", {out}) : at::Tensor();
    if (sparse != nullptr) sparse->factorise(weight, bias);
    if (thin != nullptr) thin->factorise(weight, bias);
    factored.insert(name);
  }
  for (auto& parameter : named_parameters()) {
    const auto& name = parameter.key();
    if (factored.contains(name.substr(0, name.rfind('.')))) continue;
    parameter.value().detach().copy_(taken(name, parameter.value().sizes()));
  }
}

}  // namespace arzoo::language

namespace arzoo::runtime {

template <>
const ModelEntry& entry<language::DsformerOptions>() {
  static const ModelEntry entry{
      .name = language::DsformerOptions::kName,
      .build = &build_any<language::DsformerLm, language::DsformerOptions>,
      .experiment = &language::language_experiment<language::DsformerLm, language::DsformerOptions>,
      .study = language::text_study(),
      .replays = {{"dsformer", language::replay_dense_sparse}}};
  return entry;
}

}  // namespace arzoo::runtime
