#include "language/dsformer_model.h"

#include <torch/torch.h>

#include "core/run_dir.h"
#include "language/experiment.h"
#include "language/fixture.h"

namespace arzoo::language {
namespace {

nn::GptBlocks::MakeMap dense_sparse_maps(const DsformerOptions& options) {
  return [sizes = nn::DenseSparseSizes{options.ds_blocks, options.ds_rank, options.ds_nonzeros}](
             torch::nn::Module& owner, const std::string& name, int64_t in, int64_t out) {
    nn::Affine affine;
    affine.structure = owner.register_module(
        name, std::make_shared<nn::DenseSparseLinear>(sizes, in, out, /*with_bias=*/false));
    return affine;
  };
}

}  // namespace

DsformerLm::DsformerLm(const DsformerOptions& options)
    : NanoGpt(options.decoder(), options.vocab_size, options.block_size, dense_sparse_maps(options)),
      options_(options) {}

std::map<std::string, std::shared_ptr<nn::DenseSparseLinear>> DsformerLm::maps() {
  std::map<std::string, std::shared_ptr<nn::DenseSparseLinear>> found;
  for (const auto& entry : named_modules()) {
    if (auto map = std::dynamic_pointer_cast<nn::DenseSparseLinear>(entry.value())) found[entry.key()] = map;
  }
  return found;
}

void DsformerLm::initialise() {
  NanoGpt::initialise();
  constexpr double kDeviation = 0.02;
  for (const auto& [name, map] : maps()) map->initialise(kDeviation);
  if (!options_.from.empty()) {
    const auto place = model_place(options_.from);
    factorise(without_tied_head(runtime::open_tensors(place)));
  }
}

void DsformerLm::factorise(const runtime::NamedTensors& dense) {
  const torch::NoGradGuard no_grad;
  const auto own = maps();
  for (const auto& [name, map] : own) map->factorise(dense.at(name + ".weight"));
  for (auto& parameter : named_parameters()) {
    const auto& name = parameter.key();
    if (name.ends_with(".sparse") || name.ends_with(".dense")) continue;
    const auto& value = dense.at(name);
    if (value.sizes() != parameter.value().sizes())
      fail<CheckpointError>("{}: {} has another size than the model's", dense.where(), name);
    parameter.value().detach().copy_(value);
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
      .replays = {{"dsformer", language::replay_dense_sparse}}};
  return entry;
}

}  // namespace arzoo::runtime
