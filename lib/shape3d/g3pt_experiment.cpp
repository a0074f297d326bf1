#include "shape3d/g3pt_experiment.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "nn/exponential_race.h"
#include "runtime/generation_options.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"
#include "shape3d/fixture.h"
#include "shape3d/g3pt_generator.h"
#include "shape3d/shape_speed_work.h"

namespace arzoo::shape3d {

G3ptExperiment::G3ptExperiment(const Config& config, const runtime::Compute& compute)
    : CodeExperiment(config, compute),
      model_(runtime::build_module<G3pt, G3ptOptions>(config.at("model"))),
      coder_(dynamic_cast<const ScaleCoder*>(&tokenizer())),
      scales_(model_->options().scales.size()) {
  const auto section = config.at("model");
  const auto& options = model_->options();
  if (coder_ == nullptr)
    config.at("data").at("tokenizer").reject("no tokenizer by scales, expected a g3pt_vq or a vat");
  if (options.scales != coder_->scales())
    section.at("scales").reject("other scales than the tokenizer's, expected the same");
  require_equal(section.at("codes"), options.codes, tokenizer().vocabulary(), "codes");
  require_equal(section.at("width"), options.width, coder_->input_width(), "channels");
  if (options.cond_tokens != 1) section.at("cond_tokens").reject("expected 1: a class is the condition");
  require_classes(section.at("cond_dim"), options.cond_dim);
  model_->initialise();
  model_->to(compute.device);
}

runtime::Losses G3ptExperiment::loss(int64_t batch) {
  scales_ = batch < model_->options().progressive_batches ? model_->half_of_scales()
                                                          : model_->options().scales.size();
  auto losses = CodeExperiment::loss(batch);
  scales_ = model_->options().scales.size();
  return losses;
}

runtime::Losses G3ptExperiment::loss_of(const at::Tensor& labels, const at::Tensor& codes) {
  auto condition = model_->of_classes(labels);
  if (model_->is_training()) {
    const auto dropped =
        at::rand({labels.size(0), 1, 1}).lt(model_->options().cond_drop).to(condition.device());
    condition = at::where(dropped, model_->no_condition(labels.size(0)), condition);
  }
  return model_->loss(condition, coder_->teacher_input(codes), codes, scales_);
}

at::Tensor G3ptExperiment::generate(const at::Tensor& labels, const std::vector<uint64_t>& seeds) {
  const auto options = runtime::generation_options<G3ptGenerationOptions>({}, loader_.evaluation().sampling,
                                                                          G3ptOptions::kName);
  nn::ExponentialRace random_inputs(seeds);
  return generate_scales(*model_, *coder_, model_->of_classes(labels), scale_sampling(options),
                         random_inputs);
}

}  // namespace arzoo::shape3d

namespace arzoo::runtime {

template <>
const ModelEntry& entry<shape3d::G3ptOptions>() {
  static const ModelEntry entry{
      .name = shape3d::G3ptOptions::kName,
      .build = &build_any<shape3d::G3pt, shape3d::G3ptOptions>,
      .experiment = &make_experiment<shape3d::G3ptExperiment>,
      .shapes = &shape3d::G3ptGenerator::open,
      .speed_work = &shape3d::make_g3pt_work,
      .replays = {{"g3pt_car", shape3d::replay_g3pt_car}},
  };
  return entry;
}

}  // namespace arzoo::runtime
