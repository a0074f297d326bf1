#include "image/eagle_experiment.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "image/llamagen_source.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"

namespace arzoo::image {
namespace {

/// The share of training samples without a class, which the official data has.
constexpr double kWithoutClass = 0.1;

/// The trained target, which must be the one that model.target describes.
OpenedLlamaGen trained_target(const Config& config, const LlamaGenOptions& wanted) {
  const auto source = config.at("data").at("target");
  if (source.text().empty())
    source.reject("an eagle needs its trained target (arzoo train configs/image/llamagen_*.json)");
  auto opened = open_llamagen(source.text(), "", at::kFloat);
  const auto own = arzoo::to_json(opened.model->options()), asked = arzoo::to_json(wanted);
  for (const char* key : {"dim", "n_layer", "n_head", "n_kv_head", "vocab_size", "block_size", "num_classes",
                          "model_type", "rope_base"}) {
    if (own.at(key) != asked.at(key))
      config.at("model").at("target").at(key).reject(fmt::format("{}, but the target in {} has {}",
                                                                 dump_json(asked.at(key)), source.text(),
                                                                 dump_json(own.at(key))));
  }
  return opened;
}

}  // namespace

EagleExperiment::EagleExperiment(const Config& config, const runtime::Compute& compute)
    : PictureExperiment(config, compute, model_options<EagleOptions>(config.at("model")).target.pixels()),
      options_(model_options<EagleOptions>(config.at("model"))),
      tokens_([this](const at::Tensor& images) { return vae_->tokens(images).flatten(1).to(at::kInt); },
              loader_, config, compute) {
  const auto opened = trained_target(config, options_.target);
  target_ = opened.model;
  vae_ = open_llamagen_vq(opened.found, std::nullopt, at::kFloat);
  loader_.data().check_labels(config.at("model").at("target").at("num_classes"));
  model_ = runtime::build_module<EagleHead, EagleOptions>(config.at("model"));
  model_->start_from(*target_);
  target_->to(compute.device);
  vae_->to(compute.device);
  model_->to(compute.device);
}

runtime::Losses EagleExperiment::loss(int64_t batch) {
  const auto tokens = tokens_.training(batch);
  const auto ids = tokens.codes.to(at::kLong);
  const auto lost = at::rand({ids.size(0)}).to(compute_.device).lt(kWithoutClass);
  const auto labels = options_.target.can_guide()
                          ? tokens.labels.masked_fill(lost, options_.target.num_classes)
                          : tokens.labels;
  const auto noise = at::rand({ids.size(0), ids.size(1) + 1, options_.target.dim}).to(compute_.device);
  const auto losses = eagle_losses(*model_, *target_, labels, ids, noise, {options_.p_w, options_.noise_std});
  return {.total = losses.total,
          .parts = {{"vloss", losses.vloss.detach()},
                    {"ploss", losses.ploss.detach()},
                    {"accuracy", losses.accuracy}},
          .samples = static_cast<double>(ids.size(0))};
}

runtime::Metrics EagleExperiment::evaluate(runtime::Split split) {
  model_->eval();
  double loss = 0.0, same = 0.0, pictures = 0.0;
  tokens_.each(split, [&](const CodeBatch& tokens) {
    const auto ids = tokens.codes.to(at::kLong);
    const auto noise = at::full({ids.size(0), ids.size(1) + 1, options_.target.dim}, 0.5,
                                at::TensorOptions(compute_.device));
    const auto losses =
        eagle_losses(*model_, *target_, tokens.labels, ids, noise, {options_.p_w, options_.noise_std});
    const auto count = static_cast<double>(ids.size(0));
    loss += losses.total.item<double>() * count;
    same += losses.accuracy.item<double>() * count;
    pictures += count;
  });
  if (pictures == 0.0) return {};
  return {{"loss", loss / pictures}, {"drafter_top1", 100.0 * same / pictures}};
}

}  // namespace arzoo::image

namespace arzoo::runtime {

template <>
const ModelEntry& entry<image::EagleOptions>() {
  static const ModelEntry entry{
      .name = image::EagleOptions::kName,
      .build = &build_any<image::EagleHead, image::EagleOptions>,
      .experiment = &make_experiment<image::EagleExperiment>,
  };
  return entry;
}

}  // namespace arzoo::runtime
