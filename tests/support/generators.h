#pragma once

#include "core/atomic_file.h"
#include "image/model_folder.h"
#include "io/png_file.h"
#include "runtime/safetensors.h"
#include "support/tasks.h"

/// Model folders that generate, and their results.
namespace arzoo::test {

/// Writes a model as training leaves it.
inline void write_model_folder(const fs::path& path, const Json& options, std::string_view name,
                               const torch::nn::Module& model, const Json& sampling,
                               std::vector<std::string> classes = {}) {
  fs::create_directories(path);
  Json json{{"name", name}};
  json.update(options);
  const image::ModelFolder folder{.path = path,
                                  .model = json,
                                  .classes = std::move(classes),
                                  .facts = {.channels = 1},
                                  .sampling = sampling};
  write_atomically(path / "config.json", runtime::folder_json(folder).dump());
  runtime::write_safetensors(path / "model.safetensors", runtime::state_dict(model).entries(), {});
}

inline Json generate(const plan::GenerateImageTask& task) {
  SilentProgress progress;
  return tasks::generate_image(task, progress, kNeverStop);
}

inline std::vector<uint8_t> pixels(const fs::path& file) { return io::read_png(file).pixels; }

/// What a generated picture's metadata say.
inline Json parameters(const fs::path& file) {
  SilentProgress progress;
  return tasks::inspect({file}, progress, kNeverStop)["texts"]["parameters"];
}

/// A grey square picture without two equal neighbours.
inline io::Picture striped_picture(int64_t side) {
  io::Picture picture{.width = side, .height = side, .channels = 1};
  for (int64_t i = 0; i < side * side; ++i) picture.pixels.push_back(static_cast<uint8_t>(i * 2));
  return picture;
}

/// Pixels that differ inside the box and outside it.
struct Changes {
  int64_t inside = 0, outside = 0;
};
inline Changes changes_of(const io::Picture& before, const fs::path& after, const runtime::PixelBox& box) {
  const auto now = pixels(after);
  Changes changes;
  for (int64_t i = 0; i < before.width * before.height; ++i) {
    const int64_t x = i % before.width, y = i / before.width;
    const bool inside = x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
    const auto at = static_cast<std::size_t>(i);
    if (now[at] != before.pixels[at]) ++(inside ? changes.inside : changes.outside);
  }
  return changes;
}

}  // namespace arzoo::test
