#include "shape3d/shape_set.h"

#include <filesystem>

#include "core/error.h"
#include "io/mesh_file.h"
#include "io/mesh_renderer.h"
#include "kernels/parallel.h"
#include "runtime/memory_budget.h"
#include "shape3d/bvh.h"
#include "shape3d/implicit_shape.h"
#include "shape3d/outline.h"

namespace arzoo::shape3d {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSolidCells = 64;

/// A generator for the points sampled of one shape.
std::mt19937_64 generator_of(uint64_t seed, uint64_t index) {
  return seeded_engine({low_word(seed), high_word(seed), low_word(index), high_word(index), 0x5e7U});
}

template <class Inside>
LabelledPoints labelled(std::vector<io::Vec3> points, const Inside& inside) {
  LabelledPoints result{std::move(points), {}};
  for (const auto& point : result.points) result.inside.push_back(inside(point) ? 1 : 0);
  return result;
}

/// Samples the points and renders the outlines of a shape that has its mesh.
template <class Inside>
void sample_points(Shape& shape, const Inside& inside, const SampleCounts& amounts, std::mt19937_64& random) {
  shape.surface = sample_surface(shape.mesh, amounts.surface, random);
  std::vector<io::Vec3> anywhere;
  for (int64_t i = 0; i < amounts.volume; ++i) anywhere.push_back(volume_point(1.0, random));
  shape.volume = labelled(std::move(anywhere), inside);
  const auto on = sample_surface(shape.mesh, amounts.near, random).points;
  shape.near = labelled(jittered(on, amounts.near_sigma, random), inside);
  for (int64_t i = 0; i < amounts.outlines.sides; ++i) {
    io::View view;
    view.azimuth = 360.0 * static_cast<double>(i) / static_cast<double>(amounts.outlines.sides);
    view.pixels = 2 * amounts.outlines.pixels;
    shape.outlines.push_back(framed_outline(io::silhouette(shape.mesh, view), amounts.outlines.pixels));
  }
}

std::vector<fs::path> mesh_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_regular_file() && io::is_mesh_name(entry.path())) files.push_back(entry.path());
  }
  if (error) fail<DataError>("{}: {}", folder.string(), error.message());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory()) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

template <class Item>
uint64_t bytes_in(const std::vector<Item>& list) {
  return list.size() * sizeof(Item);
}

/// What a shape takes of memory.
uint64_t bytes_of(const Shape& shape) {
  uint64_t bytes = sizeof(Shape) + bytes_in(shape.mesh.vertices) + bytes_in(shape.mesh.triangles) +
                   bytes_in(shape.surface.points) + bytes_in(shape.surface.normals);
  for (const auto* points : {&shape.volume, &shape.near})
    bytes += bytes_in(points->points) + bytes_in(points->inside);
  for (const auto& outline : shape.outlines) bytes += bytes_in(outline.pixels);
  return bytes;
}

/// Throws DataError unless memory holds `count` shapes of about so many bytes each, beside a model.
void require_room(uint64_t bytes, int64_t count) {
  const double needed = static_cast<double>(bytes) * static_cast<double>(count),
               most = static_cast<double>(runtime::memory_limit()) * 0.75;
  if (needed > most)
    fail<DataError>(
        "data.count: {} solids with their points take about {:.1f} GB of memory, expected at most {:.1f} GB, "
        "three "
        "quarters of this machine's (lower count, or the number of points)",
        count, needed / 1e9, most / 1e9);
}

}  // namespace

NormalisedMesh normalised(const io::Mesh& mesh, const std::string& name) {
  auto whole = io::welded(mesh);
  const auto summary = summarise(whole);
  if (!summary.is_watertight()) {
    fail<DataError>("{}: {} of {} edges are open, expected a closed surface (its inside is undefined)", name,
                    summary.open_edges, summary.edges);
  }
  const auto place = placement(whole, kSolidHalf);
  whole = placed(std::move(whole), place);
  const int64_t turned = turn_outwards(whole);
  return {std::move(whole), turned, place};
}

int64_t ShapeSet::label_of(const std::string& name) {
  const int64_t known = class_of(name);
  if (known == static_cast<int64_t>(class_names_.size())) class_names_.push_back(name);
  return known;
}

int64_t ShapeSet::class_of(const std::string& name) const {
  return std::find(class_names_.begin(), class_names_.end(), name) - class_names_.begin();
}

void ShapeSet::add_solids(const std::vector<std::string>& kinds, int64_t first, int64_t count, uint64_t seed,
                          const SampleCounts& amounts) {
  for (const auto& kind : kinds) label_of(kind);
  const auto kind_of = [&](int64_t i) { return kinds[static_cast<std::size_t>(i) % kinds.size()]; };
  const auto made = [&](int64_t i) {
    Shape shape{.name = fmt::format("{} {}", kind_of(i), first + i), .label = class_of(kind_of(i))};
    const auto solid = make_solid(kind_of(i), seed, first + i);
    auto random = generator_of(seed, static_cast<uint64_t>(first + i));
    shape.mesh = solid.surface(kSolidCells);
    sample_points(
        shape, [&](io::Vec3 point) { return solid.is_inside(point); }, amounts, random);
    return shape;
  };
  if (count > 0) require_room(bytes_of(made(0)), count);
  const auto offset = shapes_.size();
  shapes_.resize(offset + static_cast<std::size_t>(count));
  kernels::parallel_for(count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) shapes_[offset + static_cast<std::size_t>(i)] = made(i);
  });
}

void ShapeSet::add_meshes(const fs::path& folder, uint64_t seed, const SampleCounts& amounts) {
  if (!fs::is_directory(folder)) fail<DataError>("{}: no such folder of meshes", folder.string());
  std::vector<std::pair<std::string, fs::path>> files;
  for (const auto& path : mesh_files(folder))
    files.emplace_back(fs::weakly_canonical(folder).filename().string(), path);
  for (const auto& inner : folders_in(folder)) {
    for (const auto& path : mesh_files(inner)) files.emplace_back(inner.filename().string(), path);
  }
  if (files.empty())
    fail<DataError>("{}: no meshes (.obj, .ply, .stl, .off, .glb) in it or its sub-folders", folder.string());
  for (const auto& [name, path] : files) {
    Shape shape{.name = path.stem().string(), .label = label_of(name)};
    auto whole = normalised(io::read_mesh(path), path.string());
    shape.mesh = std::move(whole.mesh);
    if (whole.turned > 0)
      notes_.push_back(fmt::format("{}: inside out, flipped ({} of its parts)", path.string(), whole.turned));
    const Bvh tree(shape.mesh);
    auto random = generator_of(seed, shapes_.size());
    sample_points(
        shape, [&](io::Vec3 point) { return tree.is_inside(point); }, amounts, random);
    shapes_.push_back(std::move(shape));
  }
}

}  // namespace arzoo::shape3d
