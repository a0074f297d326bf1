#include "image/axial_experiment.h"

#include <torch/torch.h>

#include <numbers>

#include "core/seeded_random.h"
#include "core/zoo.h"
#include "image/axial_generator.h"
#include "image/axial_parity.h"
#include "image/axial_sampler.h"
#include "image/picture_report.h"
#include "runtime/generation_options.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"

namespace arzoo::image {

AxialExperiment::AxialExperiment(const Config& config, const runtime::Compute& compute)
    : PictureExperiment(config, compute, model_options<AxialOptions>(config.at("model")).img_width),
      seed_(static_cast<uint64_t>(config.json().at("seed").get<int64_t>())),
      model_(runtime::build_module<Axial, AxialOptions>(config.at("model"))) {
  const auto& options = model_->options();
  const auto section = config.at("model");
  if (options.img_height != options.img_width)
    section.at("img_height")
        .reject(fmt::format("{}, expected img_width ({}): pictures are cropped to squares",
                            options.img_height, options.img_width));
  if (const auto why = unpictured(options)) section.at(why->key).reject(why->text);
  if (options.img_channels < loader_.data().channels())
    section.at("img_channels").reject("1, but the pictures are in colour, expected 3");
  if (options.class_num > 0) loader_.data().check_labels(section.at("class_num"));
  model_->initialise();
  model_->to(compute.device);
}

at::Tensor AxialExperiment::levels(const ImageBatch& batch) const {
  return levels_of(batch.images.to(compute_.device), model_->options());
}

runtime::Losses AxialExperiment::loss(int64_t batch) {
  const auto& pictures = loader_.get(batch);
  const auto x = levels(pictures);
  const auto labels = model_->dropped(pictures.labels.to(compute_.device));
  const auto slice = at::randint(model_->options().img_channels, {x.size(0)}, at::kLong).to(compute_.device);
  return {.total = model_->loss(x, slice, model_->condition_of(labels)),
          .samples = static_cast<double>(x.size(0))};
}

runtime::Metrics AxialExperiment::evaluate(runtime::Split split) {
  if (loader_.evaluated(split).empty()) return {};
  model_->eval();
  double sum = 0.0, count = 0.0;
  loader_.each(split, [&](const ImageBatch& batch) {
    const auto x = levels(batch);
    const auto nats = model_->nats(x, model_->condition_of(batch.labels.to(compute_.device)));
    sum += nats.sum().item<double>();
    count += static_cast<double>(nats.numel());
  });
  return {{"bits_per_dim", sum / (count * std::numbers::ln2)}};
}

void AxialExperiment::save(const std::filesystem::path& folder) {
  auto own = description(folder);
  own.sampling = loader_.evaluation().sampling;
  runtime::save_model(own, *model_);
}

Json AxialExperiment::reference_shape() const {
  const auto& options = model_->options();
  return {
      {"num_embs", options.num_embs}, {"img_height", options.img_height}, {"img_width", options.img_width}};
}

std::vector<ReportSection> AxialExperiment::showcase() {
  const int64_t shown = loader_.evaluation().shown, classes = model_->options().class_num;
  if (shown == 0) return {};
  const torch::NoGradGuard no_grad;
  model_->eval();
  const auto sampling = axial_sampling(runtime::generation_options<AxialGenerationOptions>(
      {}, loader_.evaluation().sampling, AxialOptions::kName));
  const auto labels =
      at::arange(shown, at::kLong).remainder_(std::max<int64_t>(1, classes)).to(compute_.device);
  nn::SeededRandomInputs random_inputs(item_seeds(seed_, 0, static_cast<std::size_t>(shown)));
  const auto pictures = pictures_of(
      sample_axial(*model_, shown, model_->condition_of(labels), random_inputs, sampling), model_->options());
  const auto columns = classes > 0 ? std::min(shown, classes) : std::min<int64_t>(shown, 10);
  return {{"Samples",
           {report_grid(pictures, loader_.data().channels(), columns,
                        classes > 0 ? "one column per class, from class 0 on" : "without classes")}}};
}

}  // namespace arzoo::image

namespace arzoo::runtime {

template <>
const ModelEntry& entry<image::AxialOptions>() {
  static const ModelEntry entry{
      .name = image::AxialOptions::kName,
      .build = &build_any<image::Axial, image::AxialOptions>,
      .experiment = &make_experiment<image::AxialExperiment>,
      .images = {.open = &image::open_axial_generator, .random = &image::random_axial_generator},
      .replays = {{"Transformer2d", image::replay_axial_pixels},
                  {"Transformer3d", image::replay_axial_sliced},
                  {"MultiChannelTransformer2d", image::replay_axial_stacked},
                  {"AxialAttention", image::replay_axial_attention}},
  };
  return entry;
}

}  // namespace arzoo::runtime
