#include "shape3d/shape_data.h"

#include <torch/torch.h>

#include "shape3d/implicit_shape.h"
#include "shape3d/outline.h"
#include "shape3d/point_tensor.h"

namespace arzoo::shape3d {
namespace {

using runtime::Split;

constexpr int64_t kPyramidFactor = 4;
constexpr int64_t kFewestPoints = 4096;
constexpr uint64_t kTestSeed = 0x7e57'5eed;

SampleCounts amounts_of(const DataOptions& options, const EvaluationOptions& evaluation,
                        const Outlines& outlines) {
  return {.surface = std::max(kFewestPoints, 2 * options.surface_points),
          .volume = std::max({kFewestPoints, evaluation.points, options.queries}),
          .near = std::max(kFewestPoints, options.queries),
          .near_sigma = options.near_sigma,
          .outlines = outlines};
}

/// The side of a surface that faces a random direction.
at::Tensor visible_part(const SurfacePoints& surface, std::mt19937_64& random) {
  const auto towards =
      io::unit(io::Vec3{static_cast<float>(normal(random)), static_cast<float>(normal(random)),
                        static_cast<float>(normal(random))});
  SurfacePoints part;
  for (std::size_t i = 0; i < surface.points.size(); ++i) {
    if (dot(surface.points[i], towards) < 0.0F) continue;
    part.points.push_back(surface.points[i]);
    part.normals.push_back(surface.normals[i]);
  }
  return tensor_of(part.points.empty() ? surface : part);
}

at::Tensor rows_of(const std::vector<io::Vec3>& points, const std::vector<int64_t>& chosen) {
  std::vector<io::Vec3> kept;
  kept.reserve(chosen.size());
  for (const int64_t i : chosen) kept.push_back(points[static_cast<std::size_t>(i)]);
  return tensor_of(kept);
}

at::Tensor flags_of(const std::vector<uint8_t>& flags, const std::vector<int64_t>& chosen) {
  auto kept = at::empty({static_cast<int64_t>(chosen.size())});
  auto* out = kept.mutable_data_ptr<float>();
  for (const int64_t i : chosen) *out++ = static_cast<float>(flags[static_cast<std::size_t>(i)]);
  return kept;
}

/// Clouds of several shapes as one batch.
SurfaceClouds stacked(const std::vector<SurfaceClouds>& all) {
  SurfaceClouds batch;
  std::vector<at::Tensor> starts;
  for (const auto& one : all) starts.push_back(one.fps_start);
  batch.fps_start = at::cat(starts);
  for (std::size_t level = 0; level < all.front().levels.size(); ++level) {
    std::vector<at::Tensor> clouds;
    for (const auto& one : all) clouds.push_back(one.levels[level]);
    batch.levels.push_back(at::cat(clouds));
  }
  return batch;
}

}  // namespace

SurfaceClouds sample_clouds(const at::Tensor& surface, int64_t points, int64_t levels,
                            std::mt19937_64& random) {
  SurfaceClouds clouds;
  for (int64_t level = 0; level < levels; ++level) {
    const int64_t count = std::max<int64_t>(1, points);
    clouds.levels.push_back(
        surface.index_select(0, at::tensor(sample_indices(surface.size(0), count, random))).unsqueeze(0));
    points /= kPyramidFactor;
  }
  const auto size = static_cast<uint64_t>(clouds.levels.front().size(1));
  clouds.fps_start = at::tensor(std::vector<int64_t>{static_cast<int64_t>(random() % size)});
  return clouds;
}

ShapeData::ShapeData(const Config& config, int64_t levels, const Outlines& outlines)
    : options_(config.at("data").as<DataOptions>()), levels_(levels) {
  const auto evaluation = config.at("evaluation").as<EvaluationOptions>();
  const auto seed = static_cast<uint64_t>(config.json().at("seed").get<int64_t>());
  const auto amounts = amounts_of(options_, evaluation, outlines);
  auto kinds = options_.solids;
  if (kinds.empty() && options_.path.empty()) kinds = solid_names();
  for (const auto& kind : kinds) make_solid(kind, 0, 0);  // an unknown name, before any work
  if (!kinds.empty()) train_.add_solids(kinds, 0, options_.count, seed, amounts);
  if (!options_.path.empty()) train_.add_meshes(options_.path, seed, amounts);
  test_.know_classes(train_.class_names());
  constexpr int64_t kMostTested = 64;
  if (evaluation.test && !options_.test_path.empty())
    test_.add_meshes(options_.test_path, kTestSeed, amounts);
  if (evaluation.test && options_.test_path.empty() && !kinds.empty())
    test_.add_solids(kinds, 0, std::min(kMostTested, options_.count), seed ^ kTestSeed, amounts);
  const auto passed = [&](std::size_t items) {
    return static_cast<int64_t>(static_cast<double>(items) * options_.validation);
  };
  for (std::size_t i = 0; i < train_.shapes().size(); ++i)
    (passed(i + 1) > passed(i) ? val_items_ : train_items_).push_back(static_cast<int64_t>(i));
  // Training needs the points alone; meshes take as much memory again.
  const bool shown = !val_items_.empty() || !test_.shapes().empty();
  for (const int64_t item : train_items_) {
    if (shown) train_.forget_mesh(static_cast<std::size_t>(item));
  }
}

int64_t ShapeData::size(Split split) const {
  if (split == Split::test) return static_cast<int64_t>(test_.shapes().size());
  return static_cast<int64_t>(split == Split::train ? train_items_.size() : val_items_.size());
}

const Shape& ShapeData::shape(Split split, int64_t item) const {
  const auto at = static_cast<std::size_t>(item);
  if (split == Split::test) return test_.shapes()[at];
  return train_.shapes()[static_cast<std::size_t>(split == Split::train ? train_items_[at] : val_items_[at])];
}

LabelledShapes ShapeData::batch(Split split, std::span<const int64_t> items, std::mt19937_64* shared) const {
  std::vector<SurfaceClouds> clouds, low_res, partial;
  std::vector<at::Tensor> points, occupancies, silhouettes;
  std::vector<int64_t> labels;
  const auto near_count = static_cast<int64_t>(static_cast<double>(options_.queries) * options_.near_share);
  const int64_t few = options_.surface_points / kLowResFactor;
  for (const int64_t item : items) {
    std::mt19937_64 own(static_cast<uint64_t>(item));
    auto& random = shared != nullptr ? *shared : own;
    const auto& one = shape(split, item);
    const auto surface = tensor_of(one.surface);
    clouds.push_back(sample_clouds(surface, options_.surface_points, levels_, random));
    low_res.push_back(sample_clouds(surface, few, levels_, random));
    partial.push_back(sample_clouds(visible_part(one.surface, random), few, levels_, random));
    const auto query = [&](const LabelledPoints& from, int64_t count) {
      const auto chosen = sample_indices(static_cast<int64_t>(from.points.size()), count, random);
      return std::pair(rows_of(from.points, chosen), flags_of(from.inside, chosen));
    };
    const auto anywhere = query(one.volume, options_.queries - near_count),
               near = query(one.near, near_count);
    points.push_back(at::cat({anywhere.first, near.first}));
    occupancies.push_back(at::cat({anywhere.second, near.second}));
    if (!one.outlines.empty())
      silhouettes.push_back(outline_tensor(one.outlines[random() % one.outlines.size()]));
    labels.push_back(one.label);
  }
  LabelledShapes batch{{stacked(clouds), at::stack(points), at::stack(occupancies)},
                       stacked(low_res),
                       stacked(partial),
                       at::tensor(labels, at::kLong),
                       {}};
  if (!silhouettes.empty()) batch.silhouettes = at::stack(silhouettes);
  return batch;
}

std::vector<std::string> ShapeData::notes() const {
  std::vector<std::string> notes{
      fmt::format("{} shapes of {} classes to train on, {} to validate, {} to test", size(Split::train),
                  class_names().size(), size(Split::val), size(Split::test))};
  for (const auto* set : {&train_, &test_})
    notes.insert(notes.end(), set->notes().begin(), set->notes().end());
  return notes;
}

ShapeLoader::ShapeLoader(const Config& config, int64_t levels, const Outlines& outlines, const Share& share)
    : evaluation_(config.at("evaluation").as<EvaluationOptions>()),
      data_(config, levels, outlines),
      batches_(data_, config, share) {}

void ShapeLoader::each(
    Split split, const std::function<void(std::span<const int64_t>, const LabelledShapes&)>& visit) const {
  batches_.each(split, runtime::spread_items(data_.size(split), 0), evaluation_.batch_size, visit);
}

}  // namespace arzoo::shape3d
