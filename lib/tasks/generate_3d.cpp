#include <torch/torch.h>

#include <chrono>

#include "core/mesh_file.h"
#include "core/picture_file.h"
#include "core/png_file.h"
#include "nn/seeded_noise.h"
#include "shape3d/mesh_renderer.h"
#include "shape3d/shape_generator.h"
#include "tasks/planned_class.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostInSheet = 64;
constexpr int64_t kViews = 6;

/// One shape of a run.
struct PlannedShape {
  int64_t index = 0;
  PlannedClass of;
  uint64_t seed = 0;
};

std::vector<PlannedShape> plan_shapes(const plan::Generate3dTask& task,
                                      const shape3d::ShapeGenerator& generator) {
  const KnownClasses known{generator.classes(), generator.class_names()};
  auto words = task.classes;
  // An outline or a part has a class of its own, which nobody named.
  if (words.empty()) words.emplace_back(task.image || task.points ? "none" : "random");
  const auto classes = asked_classes(words, known);
  const auto total = classes.size() * static_cast<std::size_t>(task.count);
  const auto seeds = nn::item_seeds(static_cast<uint64_t>(task.compute.seed.value_or(0)),
                                    static_cast<uint64_t>(task.first), total);
  std::vector<PlannedShape> shapes;
  for (std::size_t i = 0; i < total; ++i) {
    const auto& asked = classes[i / static_cast<std::size_t>(task.count)];
    shapes.push_back({task.first + static_cast<int64_t>(i), class_of_item(asked, seeds[i], known), seeds[i]});
  }
  return shapes;
}

/// Writes the shapes of one run as they come, and a picture of all of them.
class ShapeWriter {
 public:
  ShapeWriter(const plan::Generate3dTask& task, const shape3d::ShapeGenerator& generator, std::size_t shapes)
      : task_(task), generator_(generator), in_folder_(!is_mesh_name(task.output)) {
    if (!in_folder_ && shapes > 1)
      fail<UsageError>("generate-3d: --output: {} shapes do not go into one file, expected a folder", shapes);
    if (!in_folder_) return;
    std::error_code error;
    fs::create_directories(task.output, error);
    if (error) fail<SystemFailure>("--output: {}: {}", task.output.string(), error.message());
  }

  void add(const PlannedShape& planned, const shape3d::DecodedSurface& surface) {
    if (surface.mesh.triangles.empty()) {
      ++empty_;
      return;
    }
    const auto path = in_folder_
                          ? task_.output / (item_stem(planned.index, planned.of.name) + "." + task_.format)
                          : task_.output;
    write_mesh(path, surface.mesh);
    files_.push_back(path.string());
    const auto summary = summarise(surface.mesh);
    meshes_.push_back({{"shape", planned.index},
                       {"class", planned.of.name},
                       {"file", path.string()},
                       {"vertices", summary.vertices},
                       {"triangles", summary.triangles},
                       {"components", summary.components},
                       {"euler", summary.euler},
                       {"watertight", summary.is_watertight()},
                       {"volume", summary.volume},
                       {"asked_points", surface.asked}});
    if ((in_folder_ || task_.sheet) && pictures_.size() < kMostInSheet * kViews) {
      shape3d::View view;
      view.azimuth = 30.0;
      view.pixels = 192;
      for (auto& picture : shape3d::turn_table(surface.mesh, kViews, view))
        pictures_.push_back(std::move(picture));
    }
  }

  void finish() {
    if (pictures_.empty()) return;
    const auto path = task_.sheet.value_or(task_.output / "sheet.png");
    auto parameters = generator_.settings();
    parameters["seed"] = task_.compute.seed.value_or(0);
    parameters["first"] = task_.first;
    for (const auto& mesh : meshes_) parameters["classes"].push_back(mesh.at("class"));
    write_png(path, picture_grid(pictures_, kViews),
              {{"Software", "arzoo"}, {"parameters", dump_ascii_json(parameters)}});
    files_.push_back(path.string());
  }

  int64_t empty() const { return empty_; }
  const std::vector<std::string>& files() const { return files_; }
  const Json& meshes() const { return meshes_; }

 private:
  const plan::Generate3dTask& task_;
  const shape3d::ShapeGenerator& generator_;
  bool in_folder_;
  int64_t empty_ = 0;
  std::vector<Picture> pictures_;
  std::vector<std::string> files_;
  Json meshes_ = Json::array();
};

/// What the task shows the generator before it draws.
void give(const plan::Generate3dTask& task, shape3d::ShapeGenerator& generator) {
  const auto of_file = [](const fs::path& path, const auto& use) {
    try {
      use();
    } catch (const DataError& error) {
      const std::string message = error.what();
      if (message.starts_with(path.string())) throw;
      fail<DataError>("{}: {}", path.string(), message);
    }
  };
  if (task.image) of_file(*task.image, [&] { generator.follow(read_picture(*task.image)); });
  if (task.points) of_file(*task.points, [&] { generator.complete(read_mesh(*task.points)); });
}

/// Draws all shapes. Throws Interrupted between two when asked to stop.
void draw_all(const plan::Generate3dTask& task, const shape3d::ShapeGenerator& generator,
              std::span<const PlannedShape> shapes, ShapeWriter& writer, Progress& progress, Stop stop) {
  const auto batch_size = static_cast<std::size_t>(task.batch_size);
  const auto batches = (shapes.size() + batch_size - 1) / batch_size;
  progress.begin("steps",
                 static_cast<int64_t>(batches) * generator.steps() + static_cast<int64_t>(shapes.size()));
  shape3d::SurfaceOptions surface{.resolution = task.resolution};
  surface.refinement.dense = task.dense;
  for (std::size_t begin = 0; begin < shapes.size(); begin += batch_size) {
    const auto part = shapes.subspan(begin, std::min(batch_size, shapes.size() - begin));
    shape3d::ShapeRequest request;
    for (const auto& shape : part) {
      request.labels.push_back(shape.of.label);
      request.seeds.push_back(shape.seed);
    }
    const auto tokens = generator.draw(request, [&](int64_t) { progress.step(); });
    for (std::size_t i = 0; i < part.size(); ++i) {
      writer.add(part[i], generator.surface(tokens[static_cast<int64_t>(i)], surface));
      progress.step();
      const auto done = begin + i + 1;
      if (stop.load() && done < shapes.size())
        fail<Interrupted>("interrupted after {} of {} shapes", done, shapes.size());
    }
  }
  progress.end();
}

}  // namespace

Json generate_3d(const plan::Generate3dTask& task, Progress& progress, Stop stop) {
  const auto compute =
      runtime::select_compute(task.compute.device, task.compute.dtype, task.compute.quantize);
  runtime::set_threads(task.compute.threads);
  shape3d::ShapeGenerator generator(task.model, {task.cfg, task.temperature, task.steps}, compute);
  const auto shapes = plan_shapes(task, generator);
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
  ShapeWriter writer(task, generator, shapes.size());
  const auto start = std::chrono::steady_clock::now();
  draw_all(task, generator, shapes, writer, progress, stop);
  writer.finish();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (writer.meshes().empty())
    fail<CheckFailed>("{}: nothing is inside of any of {} shapes: the model has not learnt any",
                      task.model.string(), shapes.size());
  return {{"output", task.output.string()},
          {"shapes", shapes.size()},
          {"empty", writer.empty()},
          {"seconds", seconds},
          {"seconds_per_shape", seconds / static_cast<double>(shapes.size())},
          {"files", writer.files()},
          {"meshes", writer.meshes()},
          {"settings", generator.settings()}};
}

}  // namespace arzoo::tasks
