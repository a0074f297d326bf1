#include "image/flowar_experiment.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "image/fixture.h"
#include "image/flowar_sampler.h"
#include "image/latent_generator.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"

namespace arzoo::image {
namespace {

FlowArOptions flowar_options(const Config& config) {
  return model_options<FlowArOptions>(config.at("model"));
}

}  // namespace

FlowArExperiment::FlowArExperiment(const Config& config, const runtime::Compute& compute)
    : LatentExperiment(config, compute, flowar_options(config).pixels(), flowar_options(config).vae),
      model_(runtime::build_module<FlowAr, FlowArOptions>(config.at("model"))) {
  model_->initialise();
  model_->to(compute.device);
}

runtime::Losses FlowArExperiment::loss(int64_t batch) {
  const auto latents = training(batch);
  const auto errors = model_->errors(latents.latents, latents.labels);
  return {.total = model_->loss(errors),
          .parts = {{"finest", errors.detach().select(1, -1).mean()}},
          .samples = static_cast<double>(latents.labels.size(0))};
}

runtime::Metrics FlowArExperiment::evaluate(runtime::Split split) {
  model_->eval();
  double loss = 0.0, finest = 0.0, pictures = 0.0;
  each(split, [&](const LatentBatch& batch, int64_t number) {
    const int64_t samples = batch.labels.size(0);
    auto generator = evaluation_generator(number);
    FlowRandomInputs random_inputs;
    random_inputs.label_drop = at::ones({samples});
    random_inputs.times =
        at::rand({samples, static_cast<int64_t>(model_->grids().size())}, generator, at::kFloat);
    random_inputs.noise =
        at::randn({samples, tokens_of(model_->grids()), batch.latents.size(1)}, generator, at::kFloat);
    const auto errors = model_->errors(batch.latents, batch.labels, random_inputs);
    loss += model_->loss(errors).item<double>() * static_cast<double>(samples);
    finest += errors.select(1, -1).sum().item<double>();
    pictures += static_cast<double>(samples);
  });
  if (pictures == 0.0) return {};
  return {{"loss", loss / pictures}, {"finest", finest / pictures}};
}

at::Tensor FlowArExperiment::sample(const at::Tensor& labels, const std::vector<uint64_t>& seeds) {
  const auto how = flow_sampling({}, sampling());
  return sample_latents(*model_, labels, how, seeded_flow_noise(*model_, seeds, how.temperature));
}

}  // namespace arzoo::image

namespace arzoo::runtime {

template <>
const ModelEntry& entry<image::FlowArOptions>() {
  static const ModelEntry entry{
      .name = image::FlowArOptions::kName,
      .build = &build_any<image::FlowAr, image::FlowArOptions>,
      .experiment = &make_experiment<image::FlowArExperiment>,
      .images = {&image::is_flowar, &image::open_flowar_generator, &image::random_flowar_generator},
      .replays = {{"FlowAR", image::replay_flowar}},
  };
  return entry;
}

}  // namespace arzoo::runtime
