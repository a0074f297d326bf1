#include "shape3d/shape_cells.h"

#include <torch/torch.h>

#include <chrono>
#include <cmath>

#include "core/error.h"
#include "core/seeded_random.h"
#include "core/stop.h"
#include "io/token_file.h"
#include "runtime/metrics_json.h"
#include "shape3d/family.h"
#include "shape3d/generation_metrics.h"
#include "shape3d/implicit_shape.h"
#include "shape3d/latent_surface.h"
#include "shape3d/occupancy_metrics.h"
#include "shape3d/point_tensor.h"
#include "shape3d/shape_data.h"
#include "shape3d/shape_metrics.h"

namespace arzoo::shape3d {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSolids = "solids";
constexpr uint64_t kSolidSeed = 0xbe9c;

/// The real shapes of a cell, at most as many as it asks for.
std::vector<Shape> real_shapes(const ShapeCellOptions& cell, int64_t surface_points, Progress& progress) {
  SampleCounts amounts;
  constexpr int64_t kFewest = 4096;
  amounts.surface = std::max(kFewest, surface_points);
  amounts.volume = cell.points;
  ShapeSet set;
  if (cell.shapes == kSolids) {
    set.add_solids(solid_names(), 0, cell.count, kSolidSeed, amounts);
  } else {
    set.add_meshes(cell.shapes, kSolidSeed, amounts);
  }
  for (const auto& note : set.notes()) progress.note(note);
  auto shapes = set.shapes();
  if (static_cast<int64_t>(shapes.size()) > cell.count) shapes.resize(static_cast<std::size_t>(cell.count));
  return shapes;
}

/// Sums that become means.
class Means {
 public:
  explicit Means(std::size_t count) : share_(1.0 / static_cast<double>(count)) {}
  void add(const std::string& name, double value) {
    const auto found =
        std::find_if(means_.begin(), means_.end(), [&](const auto& mean) { return mean.first == name; });
    if (found != means_.end()) {
      found->second += share_ * value;
    } else {
      means_.emplace_back(name, share_ * value);
    }
  }
  const runtime::Metrics& metrics() const { return means_; }

 private:
  double share_;
  runtime::Metrics means_;
};

/// The entry of the cell's model where it generates shapes, else null.
const runtime::ModelEntry* generator_entry(const ShapeCellOptions& cell) {
  const auto name = open_model_folder(cell.model).model.at("name").get<std::string>();
  for (const auto* entry : family().models) {
    if (entry->name == name && entry->shapes != nullptr) return entry;
  }
  return nullptr;
}

double share_inside_alike(ShapeAutoencoder& model, const at::Tensor& code, const LabelledPoints& volume) {
  const auto labels = at::empty({1, static_cast<int64_t>(volume.inside.size())});
  std::copy(volume.inside.begin(), volume.inside.end(), labels.mutable_data_ptr<float>());
  const auto points = tensor_of(volume.points).unsqueeze(0).to(code.device());
  const auto logits = model.logits(points, model.opened(code)).cpu();
  return occupancy_iou(logits - model.level(), labels).item<double>();
}

/// What a shape's code takes: its numbers in fp32, or its tokens in as few bits as tell their values apart.
double bytes_of(const ShapeAutoencoder& model, const at::Tensor& code) {
  if (model.vocabulary() == 0) return static_cast<double>(code.numel()) * sizeof(float);
  const int bits = io::token_bits(static_cast<uint32_t>(model.vocabulary()));
  return std::ceil(static_cast<double>(code.numel() * bits) / 8.0);
}

SurfaceOptions surface_options(const ShapeCellOptions& cell) {
  return {.resolution = cell.resolution,
          .cleaning = {.smooth = std::max<int64_t>(0, cell.smooth),
                       .triangles = std::max<int64_t>(0, cell.triangles)}};
}

runtime::Metrics reconstruct(const ShapeCellOptions& cell, const runtime::Compute& compute,
                             Progress& progress, Stop stop) {
  const torch::NoGradGuard no_grad;
  const auto folder = open_model_folder(cell.model);
  const auto model = load_autoencoder(folder, compute.dtype);
  model->module().to(compute.device);
  const auto shapes = real_shapes(cell, folder.facts.surface_points, progress);
  Means means(shapes.size());
  progress.begin("reconstructions", static_cast<int64_t>(shapes.size()));
  std::mt19937_64 random(static_cast<uint64_t>(cell.seed));
  for (const auto& shape : shapes) {
    const auto surface = tensor_of(shape.surface);
    const auto clouds =
        sample_clouds(surface, folder.facts.surface_points, model->levels(), random).to(compute.device);
    const auto begun = std::chrono::steady_clock::now();
    const auto code = model->code(clouds);
    const auto decoded = latent_surface(*model, code, surface_options(cell));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    means.add("iou", share_inside_alike(*model, code, shape.volume));
    for (const auto& [name, value] : surface_errors(shape.mesh, decoded.mesh)) means.add(name, value);
    means.add("watertight", summarise(decoded.mesh).is_watertight() ? 1.0 : 0.0);
    means.add("bytes_per_shape", bytes_of(*model, code));
    means.add("seconds_per_shape", seconds);
    progress.step();
    stop_if_asked(stop, "measuring shapes");
  }
  progress.end();
  return means.metrics();
}

runtime::Metrics sample(const ShapeCellOptions& cell, const runtime::Compute& compute, Progress& progress,
                        Stop stop) {
  constexpr int64_t kPoints = 2048, kTogether = 16;
  auto sampling = cell.sampling;
  if (cell.smooth >= 0) sampling["smooth"] = cell.smooth;
  if (cell.triangles >= 0) sampling["triangles"] = cell.triangles;
  const auto opened = generator_entry(cell)->shapes(cell.model, sampling, compute);
  const auto& generator = *opened;
  std::vector<std::vector<io::Vec3>> real, sampled;
  for (const auto& shape : real_shapes(cell, kPoints, progress))
    real.emplace_back(shape.surface.points.begin(), shape.surface.points.begin() + kPoints);
  const auto count = static_cast<int64_t>(real.size());
  progress.begin("shapes", count);
  std::mt19937_64 random(static_cast<uint64_t>(cell.seed));
  std::chrono::duration<double> generation{0};
  int64_t closed = 0;
  for (int64_t first = 0; first < count; first += kTogether) {
    const int64_t together = std::min(kTogether, count - first);
    runtime::ShapeRequest request;
    for (int64_t i = 0; i < together; ++i) request.labels.push_back((first + i) % generator.classes());
    request.seeds = item_seeds(static_cast<uint64_t>(cell.seed), static_cast<uint64_t>(first),
                               static_cast<std::size_t>(together));
    auto begun = std::chrono::steady_clock::now();
    const auto tokens = generator.sample(request);
    for (int64_t i = 0; i < together; ++i) {
      const auto mesh = generator.surface(tokens[i], {.resolution = cell.resolution}).mesh;
      generation += std::chrono::steady_clock::now() - begun;
      if (summarise(mesh).is_watertight()) ++closed;
      if (!mesh.triangles.empty()) sampled.push_back(sample_surface(mesh, kPoints, random).points);
      progress.step();
      stop_if_asked(stop, "measuring shapes");
      begun = std::chrono::steady_clock::now();
    }
  }
  progress.end();
  if (sampled.empty()) fail<CheckFailed>("{}: nothing is inside of any of {} shapes", cell.model, count);
  const auto quality = generation_quality(real, sampled);
  const auto all = static_cast<double>(count);
  return {{"mmd", quality.mmd},
          {"coverage", quality.coverage},
          {"1-nna", quality.nna},
          {"watertight", static_cast<double>(closed) / all},
          {"seconds_per_shape", generation.count() / all}};
}

class ShapeCell final : public runtime::CellOf<ShapeCellOptions> {
 public:
  using CellOf::CellOf;

  std::vector<fs::path> inputs() const override {
    std::vector<fs::path> inputs{options_.model};
    if (options_.shapes != kSolids) inputs.emplace_back(options_.shapes);
    return inputs;
  }

  Json run(const runtime::Compute& compute, Progress& progress, Stop stop) const override {
    const auto metrics = generator_entry(options_) == nullptr ? reconstruct(options_, compute, progress, stop)
                                                              : sample(options_, compute, progress, stop);
    return {{"test", runtime::metrics_json(metrics)}, {"shapes", options_.count}};
  }
};

}  // namespace

std::shared_ptr<const runtime::Evaluation> read_shape_cell(const Config& cell,
                                                           const runtime::CellContext& context) {
  auto options = cell.as<ShapeCellOptions>();
  context.find_model(options.model);
  if (options.shapes != kSolids) context.find_file(options.shapes);
  options.seed = context.seed.value_or(options.seed);
  return std::make_shared<ShapeCell>(std::move(options));
}

}  // namespace arzoo::shape3d
