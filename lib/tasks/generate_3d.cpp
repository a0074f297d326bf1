#include <torch/torch.h>

#include <chrono>

#include "core/atomic_file.h"
#include "core/output_folder.h"
#include "io/mesh_file.h"
#include "io/mesh_renderer.h"
#include "io/picture_file.h"
#include "io/step_plugin.h"
#include "registry/registry.h"
#include "runtime/memory_budget.h"
#include "runtime/solid_generator.h"
#include "tasks/item_plan.h"
#include "tasks/settings_text.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostInSheet = 64;
constexpr int64_t kViews = 6;

ItemRequest request_of_shapes(const plan::Generate3dTask& task) {
  return {.classes = task.classes,
          // An outline or a part has a class of its own, which is unknown.
          .otherwise = task.image || task.points ? "none" : "random",
          .count = task.count,
          .first = task.first.value_or(0),
          .seed = static_cast<uint64_t>(task.compute.seed.value_or(0)),
          .most = plan::kMostShapes,
          .noun = "shapes"};
}

/// Whether the output is one file.
bool is_one_file(const fs::path& output) { return io::is_mesh_name(output) || io::is_step_name(output); }

/// Throws UsageError for what neither the machine nor a file can hold.
void check_shapes(const plan::Generate3dTask& task, const ItemPlan& shapes) {
  constexpr double kGigabyte = 1e9;
  if (is_one_file(task.output) && shapes.size() > 1) {
    fail<UsageError>("--count: {} shapes do not go into the one file {}, expected --output to be a folder",
                     shapes.size(), task.output.string());
  }
  const auto side = static_cast<double>(task.resolution + 1);
  const double bytes = side * side * side * sizeof(float),
               limit = static_cast<double>(runtime::memory_limit());
  if (bytes > limit) {
    fail<UsageError>(
        "--resolution: a grid of {} cells along an axis takes {:.4g} GB, expected at most {:.4g} GB",
        task.resolution, bytes / kGigabyte, limit / kGigabyte);
  }
}

/// Writes the shapes of one run as they come, and a picture of all of them.
class ShapeWriter {
 public:
  ShapeWriter(const plan::Generate3dTask& task, const runtime::ShapeGenerator& generator,
              const ItemPlan& shapes)
      : task_(task), generator_(generator), shapes_(shapes) {
    if (!is_one_file(task.output)) folder_.emplace(task.output);
  }

  void add(const PlannedItem& planned, const runtime::DecodedSurface& surface) {
    if (surface.mesh.triangles.empty()) {
      ++empty_;
      return;
    }
    add_file(planned, surface.mesh, io::encode_mesh(surface.mesh, io::mesh_format(name_of(planned))),
             {{"asked_points", surface.asked}});
  }

  /// What became of a solid counts, valid or not; a file is written of each that is one.
  void add(const PlannedItem& planned, const runtime::SolidGenerator::Solid& solid) {
    const auto& built = solid.built;
    if (solids_.is_null()) solids_ = Json::object();
    for (const auto& [key, holds] : {std::pair{"parsed", solid.parsed},
                                     {"sewn", built.sewn},
                                     {"closed", built.closed},
                                     {"valid", built.valid}})
      solids_[key] = solids_.value(key, int64_t{0}) + (holds ? 1 : 0);
    if (built.mesh.triangles.empty() || built.step.empty()) {
      ++empty_;
      return;
    }
    const auto name = name_of(planned);
    add_file(planned, io::welded(built.mesh),
             io::is_step_name(name) ? built.step : io::encode_mesh(built.mesh, io::mesh_format(name)),
             {{"faces", solid.faces},
              {"edges", solid.edges},
              {"closed", built.closed},
              {"valid", built.valid},
              {"solid_volume", built.volume}});
  }

  /// Writes the sheet and removes what earlier runs left in the folder.
  void finish(Progress& progress) {
    // The other parts' files lie there too.
    if (!task_.share.is_all()) return;
    if (!pictures_.empty()) write_sheet(progress);
    if (!folder_) return;
    const auto removed =
        folder_->finish([&](std::string_view name) { return is_stale(task_.first, shapes_, name); });
    if (removed > 0)
      progress.note(fmt::format("{} files of earlier runs removed from {}", removed, task_.output.string()));
  }

  int64_t empty() const { return empty_; }
  const std::vector<std::string>& files() const { return files_; }
  const Json& meshes() const { return meshes_; }
  /// How many solids were parsed, sewn, closed, valid; null of other shapes.
  const Json& solids() const { return solids_; }

 private:
  fs::path name_of(const PlannedItem& planned) const {
    return folder_ ? fs::path(item_stem(planned) + "." + task_.format) : task_.output;
  }

  void add_file(const PlannedItem& planned, const io::Mesh& mesh, std::string_view bytes, const Json& facts) {
    const auto path = write(name_of(planned), bytes);
    const auto summary = summarise(mesh);
    Json row{{"shape", planned.index},         {"class", planned.class_name},
             {"file", path.string()},          {"vertices", summary.vertices},
             {"triangles", summary.triangles}, {"components", summary.components},
             {"euler", summary.euler},         {"watertight", summary.is_watertight()},
             {"volume", summary.volume}};
    row.update(facts);
    meshes_.push_back(std::move(row));
    if ((folder_ || task_.sheet) && pictures_.size() < kMostInSheet * kViews) {
      io::View view;
      view.azimuth = 30.0;
      view.pixels = 192;
      for (auto& picture : io::turn_table(mesh, kViews, view)) pictures_.push_back(std::move(picture));
    }
  }

  /// Into the folder, or to the path that the task names.
  fs::path write(const fs::path& name, std::string_view bytes, bool named_by_task = false) {
    auto path = name;
    if (folder_ && !named_by_task) {
      path = folder_->write(name.string(), bytes);
    } else {
      write_atomically(path, bytes);
    }
    files_.push_back(path.string());
    return path;
  }

  void write_sheet(Progress& progress) {
    auto settings = generator_.settings();
    settings["seed"] = task_.compute.seed.value_or(0);
    settings["first"] = task_.first.value_or(0);
    for (const auto& mesh : meshes_) settings["classes"].push_back(mesh.at("class"));
    const auto name = task_.sheet.value_or("sheet.png");
    write(name, io::encode_picture(name, io::picture_grid(pictures_, kViews), settings_texts(settings)),
          task_.sheet.has_value());
    if (meshes_.size() > kMostInSheet)
      progress.note(
          fmt::format("{} shows the first {} of {} shapes", name.string(), kMostInSheet, meshes_.size()));
  }

  const plan::Generate3dTask& task_;
  const runtime::ShapeGenerator& generator_;
  const ItemPlan& shapes_;
  std::optional<OutputFolder> folder_;
  int64_t empty_ = 0;
  std::vector<io::Picture> pictures_;
  std::vector<std::string> files_;
  Json meshes_ = Json::array(), solids_;
};

/// What the task shows the generator before it generates.
void give(const plan::Generate3dTask& task, runtime::ShapeGenerator& generator) {
  const auto of_file = [](const fs::path& path, const auto& use) {
    try {
      use();
    } catch (const DataError& error) {
      const std::string message = error.what();
      if (message.starts_with(path.string())) throw;
      fail<DataError>("{}: {}", path.string(), message);
    }
  };
  if (task.image) of_file(*task.image, [&] { generator.follow(io::read_picture(*task.image)); });
  if (task.points) of_file(*task.points, [&] { generator.complete(io::read_mesh(*task.points)); });
}

/// Generates all shapes. Throws Interrupted between two when asked to stop.
void generate_all_shapes(const plan::Generate3dTask& task, const runtime::ShapeGenerator& generator,
                         const ItemPlan& shapes, ShapeWriter& writer, Progress& progress, Stop stop) {
  const auto batch_size = std::min(task.batch_size, shapes.size());
  const auto batches = (shapes.size() + batch_size - 1) / batch_size;
  // This process's shapes are whole batches.
  const auto first = task.share.first(batches) * batch_size;
  const auto last = std::min(first + task.share.size(batches) * batch_size, shapes.size());
  progress.begin("steps", task.share.size(batches) * generator.steps() + last - first);
  const runtime::SurfaceRequest surface{.resolution = task.resolution, .dense = task.dense};
  const auto* const solids = runtime::solid_generator(generator);
  for (int64_t begin = first; begin < last; begin += batch_size) {
    const auto part = items(shapes, begin, std::min(begin + batch_size, shapes.size()));
    runtime::ShapeRequest request;
    for (const auto& shape : part) {
      request.labels.push_back(shape.label);
      request.seeds.push_back(shape.seed);
    }
    const auto tokens = generator.sample(request, [&](int64_t) { progress.step(); });
    for (std::size_t i = 0; i < part.size(); ++i) {
      const auto& own = tokens[static_cast<int64_t>(i)];
      solids != nullptr ? writer.add(part[i], solids->solid(own))
                        : writer.add(part[i], generator.surface(own, surface));
      progress.step();
      const auto done = begin + static_cast<int64_t>(i) + 1;
      if (stop.load() && done < last)
        fail<Interrupted>("interrupted after {} of {} shapes", done - first, last - first);
    }
  }
  progress.end();
}

}  // namespace

Json generate_3d(const plan::Generate3dTask& task, Progress& progress, Stop stop) {
  const auto compute =
      runtime::select_compute(task.compute.device, task.compute.dtype, task.compute.quantize);
  runtime::set_threads(task.compute.threads);
  const auto opened = registry::open_shape_generator(task.model, task.sampling, compute);
  auto& generator = *opened;
  const ItemPlan shapes(request_of_shapes(task), {generator.classes(), generator.class_names()});
  check_shapes(task, shapes);
  const bool as_step = is_one_file(task.output) ? io::is_step_name(task.output) : task.format == "step";
  if (as_step && runtime::solid_generator(generator) == nullptr)
    fail<UsageError>("--format step: {} generates meshes, expected a model of solids", task.model.string());
  give(task, generator);
  if (task.dry_run) {
    return {{"plan",
             {{"parameters", generator.parameters()},
              {"shapes", shapes.size()},
              {"classes", generator.classes()},
              {"steps", generator.steps()},
              {"resolution", task.resolution},
              {"settings", generator.settings()}}}};
  }
  ShapeWriter writer(task, generator, shapes);
  const auto start = std::chrono::steady_clock::now();
  generate_all_shapes(task, generator, shapes, writer, progress, stop);
  writer.finish(progress);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto made = static_cast<int64_t>(writer.meshes().size()) + writer.empty();
  if (writer.meshes().empty() && made > 0)
    fail<CheckFailed>("{}: nothing is inside of any of {} shapes: the model has not learnt any",
                      task.model.string(), made);
  Json result{{"output", task.output.string()},
              {"shapes", made},
              {"empty", writer.empty()},
              {"seconds", seconds},
              {"seconds_per_shape", seconds / static_cast<double>(std::max<int64_t>(1, made))},
              {"files", writer.files()},
              {"meshes", writer.meshes()},
              {"settings", generator.settings()}};
  if (!writer.solids().is_null()) result["solids"] = writer.solids();
  return result;
}

}  // namespace arzoo::tasks
