#include <fmt/ranges.h>

#include <algorithm>

#include "registry/registry.h"
#include "runtime/model_folder.h"
#include "shape3d/family.h"

namespace arzoo::registry {
namespace {

namespace fs = std::filesystem;
using runtime::ModelEntry;

/// The models that a command generates with.
std::vector<const ModelEntry*> entries_with(bool (*has)(const ModelEntry&)) {
  std::vector<const ModelEntry*> entries;
  for (const auto* family : families()) {
    for (const auto* entry : family->models) {
      if (has(*entry)) entries.push_back(entry);
    }
  }
  return entries;
}

std::vector<const ModelEntry*> image_entries() {
  return entries_with([](const ModelEntry& entry) { return entry.images.open != nullptr; });
}
std::vector<const ModelEntry*> shape_entries() {
  return entries_with([](const ModelEntry& entry) { return entry.shapes != nullptr; });
}

std::string names_of(const std::vector<const ModelEntry*>& entries) {
  std::vector<std::string_view> names;
  for (const auto* entry : entries) names.push_back(entry->name);
  return fmt::format("{}", fmt::join(names, ", "));
}

/// The one of this name; UsageError that names the others.
const ModelEntry& entry_named(const std::vector<const ModelEntry*>& entries, const std::string& name,
                              const fs::path& path, const char* what) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const ModelEntry* entry) { return entry->name == name; });
  if (found != entries.end()) return **found;
  fail<UsageError>("{}: a model \"{}\", expected one that generates {}: {}", path.string(), name, what,
                   names_of(entries));
}

const ModelEntry& image_entry_of(const runtime::ImageSource& source) {
  const auto& path = source.main();
  if (!fs::exists(path)) {
    fail<CheckpointError>(
        "{}: no such file or folder (expected a run directory, a model folder or a weights file)",
        path.string());
  }
  const auto entries = image_entries();
  if (const auto model = runtime::model_name_in(path)) return entry_named(entries, *model, path, "images");
  // Students come after what they are students of, and have the tensors of both.
  const auto found = std::find_if(entries.rbegin(), entries.rend(), [&](const ModelEntry* entry) {
    return entry->images.recognises != nullptr && entry->images.recognises(path);
  });
  if (found != entries.rend()) return **found;
  fail<CheckpointError>("{}: the weights of no model that generates images (expected one of: {})",
                        path.string(), names_of(entries));
}

}  // namespace

std::unique_ptr<runtime::ImageGenerator> open_image_generator(const runtime::ImageSource& source,
                                                              const Json& sampling,
                                                              const runtime::Compute& compute) {
  const auto& entry = image_entry_of(source);
  if (!source.texts.empty() && !entry.images.texts)
    fail<UsageError>("--text: a {} knows no words (an mmar does)", entry.name);
  if (source.captions && !entry.images.captions)
    fail<UsageError>("--captions: a {} generates from classes", entry.name);
  return entry.images.open(source, sampling, compute);
}

std::unique_ptr<runtime::ImageGenerator> random_image_generator(const std::vector<Config>& models,
                                                                std::optional<int64_t> draft_steps,
                                                                const Json& sampling,
                                                                const runtime::Compute& compute,
                                                                const Json& defaults) {
  const auto& model = models.front();
  const auto& entry = entry_of(model);
  if (entry.images.random == nullptr) model.reject(fmt::format("{} generates no images", entry.name));
  return entry.images.random(models, draft_steps, sampling, compute, defaults);
}

std::unique_ptr<runtime::ShapeGenerator> open_shape_generator(const fs::path& path, const Json& sampling,
                                                              const runtime::Compute& compute) {
  const auto entries = shape_entries();
  if (const auto model = runtime::model_name_in(path))
    return entry_named(entries, *model, path, "shapes").shapes(path, sampling, compute);
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored))
    fail<CheckpointError>("{}: no config.json, expected a run directory or a model folder", path.string());
  if (const auto name = shape3d::released_model(path))
    return entry_named(entries, std::string(*name), path, "shapes").shapes(path, sampling, compute);
  fail<CheckpointError>("{}: the weights of no model that generates shapes (expected one of: {})",
                        path.string(), names_of(entries));
}

}  // namespace arzoo::registry
