#include "image/feature_net_experiment.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "image/picture_report.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"

namespace arzoo::image {

FeatureNetExperiment::FeatureNetExperiment(const Config& config, const runtime::Compute& compute)
    : PictureExperiment(config, compute, model_options<FeatureNetOptions>(config.at("model")).pixels),
      model_(runtime::build_module<FeatureNet, FeatureNetOptions>(config.at("model"))) {
  loader_.data().check_labels(config.at("model").at("num_classes"));
  model_->initialise();
  model_->to(compute.device);
}

runtime::Losses FeatureNetExperiment::loss(int64_t batch) {
  const auto& pictures = loader_.get(batch);
  const auto logits = model_->classify(model_->features(pictures.images.to(compute_.device)));
  return {
      .total = at::cross_entropy_loss(logits, pictures.labels.to(compute_.device), {}, at::Reduction::Mean,
                                      /*ignore_index=*/-100, model_->options().label_smoothing),
      .samples = static_cast<double>(pictures.labels.size(0))};
}

runtime::Metrics FeatureNetExperiment::evaluate(runtime::Split split) {
  if (loader_.evaluated(split).empty()) return {};
  model_->eval();
  double loss = 0.0, hits = 0.0, count = 0.0;
  loader_.each(split, [&](const ImageBatch& batch) {
    const auto labels = batch.labels.to(compute_.device);
    const auto logits = model_->classify(model_->features(batch.images.to(compute_.device)));
    loss += at::cross_entropy_loss(logits, labels, {}, at::Reduction::Sum).item<double>();
    hits += logits.argmax(1).eq(labels).sum().item<double>();
    count += static_cast<double>(labels.size(0));
  });
  return {{"cross_entropy", loss / count}, {"accuracy", 100.0 * hits / count}};
}

std::vector<ReportSection> FeatureNetExperiment::showcase() {
  const auto shown = loader_.shown();
  if (shown.images.size(0) == 0) return {};
  const c10::InferenceMode inference;
  model_->eval();
  const auto guesses = model_->classify(model_->features(shown.images.to(compute_.device))).argmax(1).cpu();
  const auto& names = loader_.data().class_names();
  std::string caption = "taken for: ";
  for (int64_t i = 0; i < guesses.size(0); ++i) {
    const auto guess = guesses[i].item<int64_t>();
    caption += (i == 0 ? "" : ", ") +
               (guess < static_cast<int64_t>(names.size()) ? names[guess] : fmt::format("class {}", guess));
  }
  return {{"Pictures",
           {report_grid(shown.images.add(1.0).div_(2.0), loader_.data().channels(), shown.images.size(0),
                        caption)}}};
}

}  // namespace arzoo::image

namespace arzoo::runtime {

template <>
const ModelEntry& entry<image::FeatureNetOptions>() {
  static const ModelEntry entry{
      .name = image::FeatureNetOptions::kName,
      .build = &build_any<image::FeatureNet, image::FeatureNetOptions>,
      .experiment = &make_experiment<image::FeatureNetExperiment>,
  };
  return entry;
}

}  // namespace arzoo::runtime
