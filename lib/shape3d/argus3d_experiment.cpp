#include "shape3d/argus3d_experiment.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "nn/exponential_race.h"
#include "runtime/generation_options.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"
#include "shape3d/argus3d_generator.h"
#include "shape3d/fixture.h"
#include "shape3d/shape_speed_work.h"

namespace arzoo::shape3d {

Argus3dExperiment::Argus3dExperiment(const Config& config, const runtime::Compute& compute)
    : CodeExperiment(config, compute),
      model_(runtime::build_module<Argus3d, Argus3dOptions>(config.at("model"))) {
  const auto section = config.at("model");
  const auto& options = model_->options();
  require_equal(section.at("embedding_num"), options.embedding_num, tokenizer().vocabulary(), "code vectors");
  require_equal(section.at("stage2_model_kwargs").at("sequence_length"), options.tokens() + 1,
                tokenizer().token_count() + 1, "tokens and the start");
  require_classes(section.at("classes"), options.classes);
  model_->initialise();
  model_->to(compute.device);
}

runtime::Losses Argus3dExperiment::loss_of(const at::Tensor& labels, const at::Tensor& codes) {
  return model_->loss(labels, codes);
}

at::Tensor Argus3dExperiment::generate(const at::Tensor& labels, const std::vector<uint64_t>& seeds) {
  const auto options = runtime::generation_options<Argus3dGenerationOptions>(
      {}, loader_.evaluation().sampling, Argus3dOptions::kName);
  nn::ExponentialRace random_inputs(seeds);
  return argus3d_tokens(*model_, labels, decoding_rules(options), random_inputs).to(compute_.device);
}

}  // namespace arzoo::shape3d

namespace arzoo::runtime {

template <>
const ModelEntry& entry<shape3d::Argus3dOptions>() {
  static const ModelEntry entry{
      .name = shape3d::Argus3dOptions::kName,
      .build = &build_any<shape3d::Argus3d, shape3d::Argus3dOptions>,
      .experiment = &make_experiment<shape3d::Argus3dExperiment>,
      .shapes = &shape3d::Argus3dGenerator::open,
      .speed_work = &shape3d::make_argus3d_work,
      .replays = {{"argus3d_stage2", shape3d::replay_argus3d_stage2},
                  {"argus3d", shape3d::replay_argus3d_sample}},
  };
  return entry;
}

}  // namespace arzoo::runtime
