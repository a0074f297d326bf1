#include <torch/torch.h>

#include <chrono>

#include "core/atomic_file.h"
#include "core/output_folder.h"
#include "io/jpeg_file.h"
#include "io/picture_file.h"
#include "registry/registry.h"
#include "runtime/memory_budget.h"
#include "runtime/picture_tensor.h"
#include "tasks/item_plan.h"
#include "tasks/picture_edit.h"
#include "tasks/settings_text.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {
namespace {

namespace fs = std::filesystem;

/// What a run makes, with the sizes that follow.
struct PictureRun {
  const plan::GenerateImageTask& task;
  const runtime::ImageGenerator& generator;
  const std::optional<PictureEdit>& edit;
  ItemPlan pictures;

  int64_t width() const { return edit ? edit->width() : generator.width(); }
  int64_t height() const { return edit ? edit->height() : generator.height(); }
  int64_t batch_size() const { return std::min(task.batch_size, pictures.size()); }
  int64_t batches() const { return (pictures.size() + batch_size() - 1) / batch_size(); }
  /// This process's pictures are whole batches.
  int64_t begin() const { return task.share.first(batches()) * batch_size(); }
  int64_t end() const {
    return std::min(begin() + task.share.size(batches()) * batch_size(), pictures.size());
  }

  bool in_folder() const { return !io::is_picture_name(task.output); }
  bool one_file() const { return !in_folder() && pictures.size() == 1; }
  /// Pictures in the grid: all, or the first ones.
  int64_t in_grid() const {
    constexpr int64_t kMostInGrid = 400, kMostPixels = int64_t{1} << 27;
    return std::min({pictures.size(), kMostInGrid, std::max<int64_t>(1, kMostPixels / (width() * height()))});
  }
  /// A row per class, when there are several of each.
  int64_t columns() const {
    constexpr int64_t kWidest = 32;
    const bool row_per_class = task.count > 1 && task.count < in_grid() && task.count <= kWidest;
    return row_per_class ? task.count : io::square_columns(in_grid());
  }

  /// Throws UsageError for what neither the machine nor a file can hold.
  void check() const;
};

void PictureRun::check() const {
  constexpr double kGigabyte = 1e9;
  // The model needs many times as much; this much is certain.
  const auto bytes = static_cast<double>(batch_size()) * 3.0 * sizeof(float) *
                     static_cast<double>(generator.width() * generator.height());
  const auto limit = static_cast<double>(runtime::memory_limit());
  if (bytes > limit) {
    fail<UsageError>(
        "--batch-size: {} pictures of {} x {} pixels take more than {:.4g} GB, expected at most {:.4g} GB",
        batch_size(), generator.width(), generator.height(), bytes / kGigabyte, limit / kGigabyte);
  }
  if (in_folder()) return;
  if (in_grid() < pictures.size()) {
    fail<UsageError>(
        "--count: {} pictures of {} x {} pixels do not go into the grid of one file, expected at most {} "
        "(--output as a folder takes them)",
        pictures.size(), width(), height(), in_grid());
  }
  const auto rows = (in_grid() + columns() - 1) / columns();
  const auto longest = std::max(columns() * width(), rows * height());
  if (fs::path(task.output).extension() != ".png" && longest > io::kLongestJpegSide && pictures.size() > 1) {
    fail<UsageError>(
        "--output: {}: a grid of {} pixels along a side, a JPEG picture has at most {} (choose .png)",
        task.output.string(), longest, io::kLongestJpegSide);
  }
}

/// Writes the pictures of one run as they come, and all of them in one grid.
class PictureWriter {
 public:
  explicit PictureWriter(const PictureRun& run) : run_(run) {
    if (run.in_folder()) folder_.emplace(run.task.output);
  }

  void add(const PlannedItem& planned, const at::Tensor& image) {
    auto picture = picture_of(image);
    if (folder_ || run_.one_file()) write(item_stem(planned) + ".png", picture, settings_of(planned));
    if (run_.one_file() || !run_.task.share.is_all() || static_cast<int64_t>(grid_.size()) == run_.in_grid())
      return;
    grid_.push_back(std::move(picture));
    grid_classes_.push_back(planned.class_name);
  }

  /// What was there of a picture after a scale.
  void add_scale(const PlannedItem& planned, int64_t scale, const at::Tensor& image) {
    auto settings = settings_of(planned);
    settings["scale"] = scale + 1;
    write(fmt::format("{}_scale{:02}.png", item_stem(planned), scale + 1), picture_of(image), settings);
  }

  /// What was there of a picture at a lower resolution, at that resolution.
  void add_preview(const PlannedItem& planned, const at::Tensor& image) {
    const auto picture = runtime::picture_of(image, run_.generator.channels());
    write(item_stem(planned) + "_pivots.png", picture, settings_of(planned));
  }

  /// Writes the grid and removes what earlier runs left in the folder; a part of a run does neither, the
  /// other parts' files lie there too.
  void finish(Progress& progress) {
    const auto& task = run_.task;
    if (grid_.size() > 1) {
      auto settings = run_settings();
      settings["first"] = task.first.value_or(0);
      settings["classes"] = grid_classes_;
      write("grid.png", io::picture_grid(grid_, run_.columns()), settings);
      if (run_.in_grid() < run_.pictures.size())
        progress.note(
            fmt::format("grid.png shows the first {} of {} pictures", run_.in_grid(), run_.pictures.size()));
    }
    if (!folder_ || !task.share.is_all()) return;
    const auto removed =
        folder_->finish([&](std::string_view name) { return is_stale(task.first, run_.pictures, name); });
    if (removed > 0)
      progress.note(fmt::format("{} files of earlier runs removed from {}", removed, task.output.string()));
  }

  const std::vector<std::string>& files() const { return files_; }

 private:
  io::Picture picture_of(const at::Tensor& image) const {
    const auto channels = run_.generator.channels();
    return run_.edit ? run_.edit->finished(image, channels) : runtime::picture_of(image, channels);
  }

  Json run_settings() const {
    auto settings = run_.generator.settings();
    settings["seed"] = run_.task.compute.seed.value_or(0);
    if (run_.edit) settings.update(run_.edit->settings());
    return settings;
  }

  Json settings_of(const PlannedItem& planned) const {
    auto settings = run_settings();
    settings["picture"] = planned.index;
    settings["class"] = planned.class_name;
    return settings;
  }

  /// Into the folder, or as the one file of the run.
  void write(const std::string& name, const io::Picture& picture, const Json& settings) {
    auto path = run_.task.output;
    if (folder_) {
      path = folder_->write(name, io::encode_picture(name, picture, settings_texts(settings)));
    } else {
      write_atomically(path, io::encode_picture(path, picture, settings_texts(settings)));
    }
    files_.push_back(path.string());
  }

  const PictureRun& run_;
  std::optional<OutputFolder> folder_;
  std::vector<io::Picture> grid_;
  std::vector<std::string> grid_classes_, files_;
};

runtime::ImageBatch batch_of(const std::vector<PlannedItem>& pictures) {
  std::vector<int64_t> labels;
  runtime::ImageBatch batch;
  for (const auto& picture : pictures) {
    labels.push_back(picture.label);
    batch.seeds.push_back(picture.seed);
  }
  batch.labels = at::tensor(labels, at::kLong);
  return batch;
}

Json plan_of(const PictureRun& run) {
  return {{"parameters", run.generator.parameters()},
          {"pictures", run.pictures.size()},
          {"width", run.width()},
          {"height", run.height()},
          {"classes", run.generator.classes()},
          {"steps", run.generator.steps()},
          {"batches", run.batches()},
          {"settings", run.generator.settings()}};
}

/// Generates all pictures. Throws Interrupted between two batches when asked to stop.
void generate_all(const PictureRun& run, PictureWriter& writer, Progress& progress, Stop stop) {
  progress.begin("steps", run.task.share.size(run.batches()) * run.generator.steps());
  for (int64_t begin = run.begin(); begin < run.end(); begin += run.batch_size()) {
    const auto end = std::min(begin + run.batch_size(), run.pictures.size());
    const auto part = items(run.pictures, begin, end);
    const auto images =
        run.generator.sample(batch_of(part), [&](int64_t step, const std::function<at::Tensor()>& so_far) {
          progress.step();
          const bool is_preview = run.task.show_pivots && step == run.generator.preview_step();
          if (!run.task.save_scales && !is_preview) return;
          const auto scales = so_far();
          for (std::size_t i = 0; i < part.size(); ++i) {
            const auto& image = scales[static_cast<int64_t>(i)];
            if (run.task.save_scales) writer.add_scale(part[i], step, image);
            if (is_preview) writer.add_preview(part[i], image);
          }
        });
    for (std::size_t i = 0; i < part.size(); ++i) writer.add(part[i], images[static_cast<int64_t>(i)]);
    if (stop.load() && end < run.end())
      fail<Interrupted>("interrupted after {} of {} pictures", end - run.begin(), run.end() - run.begin());
  }
  progress.end();
}

ItemRequest request_of(const plan::GenerateImageTask& task) {
  return {.classes = task.classes,
          // An edited picture has a class of its own, which nobody named.
          .otherwise = task.edit ? "none" : "random",
          .count = task.count,
          .first = task.first.value_or(0),
          .seed = static_cast<uint64_t>(task.compute.seed.value_or(0)),
          .most = plan::kMostPictures,
          .noun = "pictures"};
}

}  // namespace

Json generate_image(const plan::GenerateImageTask& task, Progress& progress, Stop stop) {
  const auto compute =
      runtime::select_compute(task.compute.device, task.compute.dtype, task.compute.quantize);
  runtime::set_threads(task.compute.threads);
  const auto generator = registry::open_image_generator(task.source, task.sampling, compute);
  std::optional<PictureEdit> edit;
  if (task.edit) edit.emplace(task, *generator, progress);
  const PictureRun run{task, *generator, edit,
                       ItemPlan(request_of(task), {generator->classes(), generator->class_names()})};
  run.check();
  if (task.show_pivots && !generator->preview_step()) {
    fail<UsageError>("--show-pivots: {} makes none (a himar does, unless --edit gives them all)",
                     generator->settings().value("model", "the model"));
  }
  if (task.dry_run) return {{"plan", plan_of(run)}};
  PictureWriter writer(run);
  const auto start = std::chrono::steady_clock::now();
  generate_all(run, writer, progress, stop);
  writer.finish(progress);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const int64_t pictures = run.end() - run.begin();
  Json result{{"output", task.output.string()},
              {"pictures", pictures},
              {"seconds", seconds},
              {"seconds_per_picture", seconds / static_cast<double>(std::max<int64_t>(1, pictures))},
              {"files", writer.files()},
              {"settings", generator->settings()}};
  if (const auto decoding = generator->decoding(); !decoding.is_null()) result["decoding"] = decoding;
  return result;
}

}  // namespace arzoo::tasks
