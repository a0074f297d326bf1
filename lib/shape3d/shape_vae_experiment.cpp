#include "shape3d/shape_vae_experiment.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"
#include "shape3d/fixture.h"
#include "shape3d/latent_surface.h"
#include "shape3d/occupancy_metrics.h"
#include "shape3d/point_tensor.h"
#include "shape3d/shape_metrics.h"
#include "shape3d/shape_speed_work.h"

namespace arzoo::shape3d {
namespace {

using runtime::Split;

constexpr int64_t kTestPoints = 20000;  // of each surface, while training; tables take more

/// Sums of named numbers, in the order of their first appearance.
class Averages {
 public:
  void add(const std::string& name, double value) {
    for (auto& [known, sum] : sums_) {
      if (known != name) continue;
      sum.first += value;
      ++sum.second;
      return;
    }
    sums_.push_back({name, {value, 1}});
  }
  runtime::Metrics metrics() const {
    runtime::Metrics result;
    for (const auto& [name, sum] : sums_)
      result.emplace_back(name, sum.first / static_cast<double>(sum.second));
    return result;
  }

 private:
  std::vector<std::pair<std::string, std::pair<double, int64_t>>> sums_;
};

at::Tensor labels_of(const LabelledPoints& points, int64_t count) {
  auto labels = at::empty({count});
  auto* out = labels.mutable_data_ptr<float>();
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<float>(points.inside[static_cast<std::size_t>(i)]);
  return labels;
}

}  // namespace

ShapeVaeExperiment::ShapeVaeExperiment(const Config& config, const runtime::Compute& compute)
    : ShapeExperiment(config, compute, model_options<ShapeVaeOptions>(config.at("model")).levels(),
                      Outlines()),
      model_(runtime::build_module<ShapeVae, ShapeVaeOptions>(config.at("model"))) {
  model_->initialise();
  model_->to(compute.device);
}

SurfaceClouds ShapeVaeExperiment::on_device(const SurfaceClouds& clouds) const {
  auto moved = clouds;
  for (auto& level : moved.levels) level = level.to(compute_.device);
  return moved;
}

at::Tensor ShapeVaeExperiment::posterior_noise(const SurfaceClouds& clouds) const {
  const auto& finest = clouds.levels.front();
  const auto& options = model_->options();
  return at::randn({finest.size(0), options.tokens_of(finest.size(1)), options.embed_dim})
      .to(compute_.device);
}

runtime::Losses ShapeVaeExperiment::loss(int64_t number) {
  const auto& batch = loader_.get(number);
  const auto& data = loader_.data().options();
  ShapeBatch shapes{on_device(batch.shapes.clouds), batch.shapes.points.to(compute_.device),
                    batch.shapes.occupancies.to(compute_.device)};
  auto losses = shape_vae_loss(*model_, shapes, posterior_noise(shapes.clouds));
  losses.samples = static_cast<double>(shapes.points.size(0));
  if (!data.low_res) return losses;
  shapes.clouds = on_device(batch.low_res);
  const auto low = shape_vae_loss(*model_, shapes, posterior_noise(shapes.clouds));
  losses.total = 0.5 * (losses.total + low.total);
  for (const auto& [name, value] : low.parts) losses.parts.emplace_back(name + "_low", value);
  return losses;
}

runtime::Metrics ShapeVaeExperiment::evaluate(Split split) {
  if (loader_.data().size(split) == 0) return {};
  model_->eval();
  Averages averages;
  const int64_t count = loader_.evaluation().points;
  loader_.each(split, [&](std::span<const int64_t> items, const LabelledShapes& batch) {
    std::vector<at::Tensor> points, labels;
    for (const int64_t item : items) {
      const auto& volume = loader_.data().shape(split, item).volume;
      points.push_back(tensor_of(std::span(volume.points).first(static_cast<std::size_t>(count))));
      labels.push_back(labels_of(volume, count));
    }
    const auto truth = at::stack(labels);
    const auto measure = [&](const SurfaceClouds& clouds) {
      const auto mean = model_->encode(on_device(clouds)).mean;
      const auto latents = model_->read(model_->decode(mean));
      return std::pair(mean, model_->query(at::stack(points).to(compute_.device), latents).cpu());
    };
    const auto [mean, logits] = measure(batch.shapes.clouds);
    const auto errors =
        at::binary_cross_entropy_with_logits(logits, truth, {}, {}, at::Reduction::None).mean(1);
    const auto iou = occupancy_iou(logits, truth);
    for (int64_t i = 0; i < iou.size(0); ++i) {
      averages.add("logits", errors[i].item<double>());
      averages.add("iou", iou[i].item<double>());
    }
    if (loader_.data().options().low_res) {
      const auto low = occupancy_iou(measure(batch.low_res).second, truth);
      for (int64_t i = 0; i < low.size(0); ++i) averages.add("iou_low", low[i].item<double>());
    }
    if (split != Split::test) return;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto mesh = reconstruct(mean[static_cast<int64_t>(i)].unsqueeze(0));
      for (const auto& [name, value] :
           surface_errors(loader_.data().shape(split, items[i]).mesh, mesh, kTestPoints))
        averages.add(name, value);
    }
  });
  return averages.metrics();
}

io::Mesh ShapeVaeExperiment::reconstruct(const at::Tensor& mean) const {
  return latent_surface(*model_, mean, {.resolution = loader_.evaluation().resolution}).mesh;
}

std::vector<ReportSection> ShapeVaeExperiment::showcase() {
  const auto [split, items] = loader_.shown();
  if (items.empty()) return {};
  const c10::InferenceMode inference;
  model_->eval();
  const auto batch = loader_.data().batch(split, items, nullptr);
  std::vector<std::vector<io::Mesh>> rows(2);
  const auto means = model_->encode(on_device(batch.shapes.clouds)).mean;
  for (std::size_t i = 0; i < items.size(); ++i) {
    rows[0].push_back(loader_.data().shape(split, items[i]).mesh);
    rows[1].push_back(reconstruct(means[static_cast<int64_t>(i)].unsqueeze(0)));
  }
  return {{"Reconstructions", {mesh_rows(rows, "shapes above, their reconstructions below")}}};
}

}  // namespace arzoo::shape3d

namespace arzoo::runtime {

template <>
const ModelEntry& entry<shape3d::ShapeVaeOptions>() {
  static const ModelEntry entry{
      .name = shape3d::ShapeVaeOptions::kName,
      .build = &build_any<shape3d::ShapeVae, shape3d::ShapeVaeOptions>,
      .experiment = &make_experiment<shape3d::ShapeVaeExperiment>,
      .speed_work = &shape3d::make_field_work,
      .replays = {{"michelangelo-autoencoder", shape3d::replay_shape_vae_case}},
  };
  return entry;
}

}  // namespace arzoo::runtime
