#include "shape3d/autoencoder_experiment.h"

#include <torch/torch.h>

#include "shape3d/latent_surface.h"
#include "shape3d/occupancy_metrics.h"
#include "shape3d/point_tensor.h"
#include "shape3d/shape_metrics.h"

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

ShapeBatch AutoencoderExperiment::training_batch(int64_t number) {
  const auto& shapes = loader_.get(number).shapes;
  return {shapes.clouds.to(compute_.device), shapes.points.to(compute_.device),
          shapes.occupancies.to(compute_.device)};
}

runtime::Metrics AutoencoderExperiment::evaluate(Split split) {
  if (loader_.data().size(split) == 0) return {};
  model().eval();
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
      const auto code = autoencoder().code(clouds.to(compute_.device));
      const auto opened = autoencoder().opened(code);
      return std::pair(code, autoencoder().logits(at::stack(points).to(compute_.device), opened).cpu());
    };
    const auto [code, logits] = measure(batch.shapes.clouds);
    const auto errors =
        at::binary_cross_entropy_with_logits(logits, truth, {}, {}, at::Reduction::None).mean(1);
    const auto iou = occupancy_iou(logits - autoencoder().level(), truth);
    for (int64_t i = 0; i < iou.size(0); ++i) {
      averages.add("logits", errors[i].item<double>());
      averages.add("iou", iou[i].item<double>());
    }
    if (loader_.data().options().low_res) {
      const auto low = occupancy_iou(measure(batch.low_res).second - autoencoder().level(), truth);
      for (int64_t i = 0; i < low.size(0); ++i) averages.add("iou_low", low[i].item<double>());
    }
    if (split != Split::test) return;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto mesh = reconstruct(code[static_cast<int64_t>(i)].unsqueeze(0));
      for (const auto& [name, value] :
           surface_errors(loader_.data().shape(split, items[i]).mesh, mesh, kTestPoints))
        averages.add(name, value);
    }
  });
  return averages.metrics();
}

io::Mesh AutoencoderExperiment::reconstruct(const at::Tensor& code) {
  return latent_surface(autoencoder(), code, {.resolution = loader_.evaluation().resolution}).mesh;
}

std::vector<ReportSection> AutoencoderExperiment::showcase() {
  const auto [split, items] = loader_.shown();
  if (items.empty()) return {};
  const c10::InferenceMode inference;
  model().eval();
  const auto batch = loader_.data().batch(split, items, nullptr);
  std::vector<std::vector<io::Mesh>> rows(2);
  const auto codes = autoencoder().code(batch.shapes.clouds.to(compute_.device));
  for (std::size_t i = 0; i < items.size(); ++i) {
    rows[0].push_back(loader_.data().shape(split, items[i]).mesh);
    rows[1].push_back(reconstruct(codes[static_cast<int64_t>(i)].unsqueeze(0)));
  }
  return {{"Reconstructions", {mesh_rows(rows, "shapes above, their reconstructions below")}}};
}

}  // namespace arzoo::shape3d
