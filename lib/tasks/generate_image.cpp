#include <torch/torch.h>

#include <chrono>

#include "core/png_file.h"
#include "image/picture_tensor.h"
#include "tasks/generators.h"
#include "tasks/picture_edit.h"
#include "tasks/picture_plan.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostInGrid = 400;

/// Writes the pictures of one run as they come, and all of them in one grid.
class PictureWriter {
 public:
  PictureWriter(const plan::GenerateImageTask& task, const image::ImageGenerator& generator,
                std::size_t pictures)
      : task_(task), generator_(generator), in_folder_(task.output.extension() != ".png") {
    one_file_ = !in_folder_ && pictures == 1;
    columns_ = grid_columns(task, std::min(pictures, kMostInGrid));
    if (!in_folder_) return;
    std::error_code error;
    fs::create_directories(task.output, error);
    if (error) fail<SystemFailure>("--output: {}: {}", task.output.string(), error.message());
  }

  void add(const PlannedPicture& planned, const at::Tensor& image) {
    auto picture = image::picture_of(image, generator_.channels());
    if (in_folder_ || one_file_) {
      write(in_folder_ ? task_.output / (file_stem(planned) + ".png") : task_.output, picture,
            texts(parameters_of(planned)));
    }
    if (!one_file_ && grid_.size() < kMostInGrid) grid_.push_back(std::move(picture));
  }

  /// What was there of a picture after a scale.
  void add_scale(const PlannedPicture& planned, int64_t scale, const at::Tensor& image) {
    auto parameters = parameters_of(planned);
    parameters["scale"] = scale + 1;
    write(task_.output / fmt::format("{}_scale{:02}.png", file_stem(planned), scale + 1),
          image::picture_of(image, generator_.channels()), texts(parameters));
  }

  void finish(const std::vector<PlannedPicture>& pictures) {
    if (grid_.size() < 2) return;
    auto parameters = run_parameters();
    parameters["first"] = pictures.front().index;
    for (std::size_t i = 0; i < grid_.size(); ++i) parameters["classes"].push_back(pictures[i].class_name);
    write(in_folder_ ? task_.output / "grid.png" : task_.output, picture_grid(grid_, columns_),
          texts(parameters));
  }

  const std::vector<std::string>& files() const { return files_; }

 private:
  Json run_parameters() const {
    auto parameters = generator_.settings();
    parameters["seed"] = task_.compute.seed.value_or(0);
    if (task_.edit) parameters["edit"] = task_.edit->string();
    return parameters;
  }

  Json parameters_of(const PlannedPicture& planned) const {
    auto parameters = run_parameters();
    parameters["picture"] = planned.index;
    parameters["class"] = planned.class_name;
    return parameters;
  }

  static PngTexts texts(const Json& parameters) {
    return {{"Software", "arzoo"}, {"parameters", dump_ascii_json(parameters)}};
  }

  void write(const fs::path& path, const Picture& picture, const PngTexts& texts) {
    write_png(path, picture, texts);
    files_.push_back(path.string());
  }

  const plan::GenerateImageTask& task_;
  const image::ImageGenerator& generator_;
  bool in_folder_, one_file_ = false;
  int64_t columns_ = 1;
  std::vector<Picture> grid_;
  std::vector<std::string> files_;
};

image::PictureBatch batch_of(std::span<const PlannedPicture> pictures) {
  std::vector<int64_t> labels;
  image::PictureBatch batch;
  for (const auto& picture : pictures) {
    labels.push_back(picture.label);
    batch.seeds.push_back(picture.seed);
  }
  batch.labels = at::tensor(labels, at::kLong);
  return batch;
}

Json plan_of(const plan::GenerateImageTask& task, const image::ImageGenerator& generator,
             std::size_t pictures) {
  const auto batches = (static_cast<int64_t>(pictures) + task.batch_size - 1) / task.batch_size;
  return {{"parameters", generator.parameters()},
          {"pictures", pictures},
          {"width", generator.width()},
          {"height", generator.height()},
          {"classes", generator.classes()},
          {"steps", generator.steps()},
          {"batches", batches},
          {"settings", generator.settings()}};
}

/// Draws all pictures. Throws Interrupted between two batches when asked to stop.
void draw_all(const plan::GenerateImageTask& task, const image::ImageGenerator& generator,
              std::span<const PlannedPicture> pictures, PictureWriter& writer, Progress& progress,
              Stop stop) {
  const auto batch_size = static_cast<std::size_t>(task.batch_size);
  const auto batches = (pictures.size() + batch_size - 1) / batch_size;
  progress.begin("steps", static_cast<int64_t>(batches) * generator.steps());
  for (std::size_t begin = 0; begin < pictures.size(); begin += batch_size) {
    const auto part = pictures.subspan(begin, std::min(batch_size, pictures.size() - begin));
    const auto drawn =
        generator.draw(batch_of(part), [&](int64_t step, const std::function<at::Tensor()>& so_far) {
          progress.step();
          if (!task.save_scales) return;
          const auto images = so_far();
          for (std::size_t i = 0; i < part.size(); ++i)
            writer.add_scale(part[i], step, images[static_cast<int64_t>(i)]);
        });
    for (std::size_t i = 0; i < part.size(); ++i) writer.add(part[i], drawn[static_cast<int64_t>(i)]);
    if (stop.load() && begin + part.size() < pictures.size()) {
      fail<Interrupted>("interrupted after {} of {} pictures", begin + part.size(), pictures.size());
    }
  }
  progress.end();
}

}  // namespace

Json generate_image(const plan::GenerateImageTask& task, Progress& progress, Stop stop) {
  const auto compute =
      runtime::select_compute(task.compute.device, task.compute.dtype, task.compute.quantize);
  runtime::set_threads(task.compute.threads);
  const auto generator = tasks::open_generator(task.source, task.options, compute, task.teacher);
  const auto pictures = plan_pictures(task, *generator);
  apply_edit(task, *generator, progress);
  if (task.dry_run) return {{"plan", plan_of(task, *generator, pictures.size())}};
  PictureWriter writer(task, *generator, pictures.size());
  const auto start = std::chrono::steady_clock::now();
  draw_all(task, *generator, pictures, writer, progress, stop);
  writer.finish(pictures);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return {{"output", task.output.string()},
          {"pictures", pictures.size()},
          {"seconds", seconds},
          {"seconds_per_picture", seconds / static_cast<double>(pictures.size())},
          {"files", writer.files()},
          {"settings", generator->settings()}};
}

}  // namespace arzoo::tasks
