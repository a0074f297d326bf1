#include "tasks/picture_plan.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/closest.h"
#include "core/picture.h"
#include "nn/seeded_noise.h"

namespace arzoo::tasks {
namespace {

constexpr std::string_view kAll = "all", kRandom = "random", kNone = "none";

std::string name_of(const image::ImageGenerator& generator, int64_t label) {
  if (label == generator.classes()) return std::string(kNone);
  const auto& names = generator.class_names();
  return names.empty() ? fmt::format("{}", label) : names[static_cast<std::size_t>(label)];
}

int64_t label_of(const std::string& word, const image::ImageGenerator& generator) {
  const auto& names = generator.class_names();
  const auto named = std::find(names.begin(), names.end(), word);
  if (named != names.end()) return named - names.begin();
  int64_t number = -1;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  const bool is_number = error == std::errc() && end == word.data() + word.size();
  if (is_number && number >= 0 && number < generator.classes()) return number;
  const auto near = closest(word, names);
  fail<UsageError>(
      "--class: the model knows no class \"{}\"{}; expected a number from 0 to {}{}, all, random or none",
      word, near ? fmt::format(" (did you mean \"{}\"?)", *near) : "", generator.classes() - 1,
      names.empty() ? "" : fmt::format(", a name ({})", fmt::join(names, ", ")));
}

/// The classes in order; nothing for one whose pictures draw their own.
std::vector<std::optional<int64_t>> asked_classes(const plan::GenerateImageTask& task,
                                                  const image::ImageGenerator& generator) {
  std::vector<std::optional<int64_t>> labels;
  // An edited picture has a class of its own, which nobody named.
  if (task.classes.empty()) labels.push_back(task.edit ? std::optional(generator.classes()) : std::nullopt);
  for (const auto& word : task.classes) {
    if (word == kRandom) {
      labels.emplace_back();
    } else if (word == kNone) {
      labels.emplace_back(generator.classes());
    } else if (word == kAll) {
      for (int64_t label = 0; label < generator.classes(); ++label) labels.emplace_back(label);
    } else {
      labels.emplace_back(label_of(word, generator));
    }
  }
  return labels;
}

}  // namespace

std::vector<PlannedPicture> plan_pictures(const plan::GenerateImageTask& task,
                                          const image::ImageGenerator& generator) {
  const auto labels = asked_classes(task, generator);
  const auto total = labels.size() * static_cast<std::size_t>(task.count);
  const auto seeds = nn::item_seeds(static_cast<uint64_t>(task.compute.seed.value_or(0)),
                                    static_cast<uint64_t>(task.first), total);
  std::vector<PlannedPicture> pictures;
  for (std::size_t i = 0; i < total; ++i) {
    const auto& asked = labels[i / static_cast<std::size_t>(task.count)];
    const auto own = nn::item_seeds(seeds[i], 0, 1).front() % static_cast<uint64_t>(generator.classes());
    const int64_t label = asked.value_or(static_cast<int64_t>(own));
    pictures.push_back({.index = task.first + static_cast<int64_t>(i),
                        .label = label,
                        .seed = seeds[i],
                        .class_name = name_of(generator, label)});
  }
  return pictures;
}

int64_t grid_columns(const plan::GenerateImageTask& task, std::size_t pictures) {
  constexpr int64_t kWidest = 32;
  const auto count = static_cast<int64_t>(pictures);
  const bool row_per_class = task.count > 1 && task.count < count && task.count <= kWidest;
  return row_per_class ? task.count : square_columns(count);
}

std::string file_stem(const PlannedPicture& picture) {
  auto name = picture.class_name;
  for (char& c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!plain) c = '-';
  }
  return fmt::format("{:06}_{}", picture.index, name);
}

}  // namespace arzoo::tasks
