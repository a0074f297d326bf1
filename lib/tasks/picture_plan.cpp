#include "tasks/picture_plan.h"

#include "core/picture.h"
#include "nn/seeded_noise.h"
#include "tasks/planned_class.h"

namespace arzoo::tasks {

std::vector<PlannedPicture> plan_pictures(const plan::GenerateImageTask& task,
                                          const image::ImageGenerator& generator) {
  const KnownClasses known{generator.classes(), generator.class_names()};
  auto words = task.classes;
  // An edited picture has a class of its own, which nobody named.
  if (words.empty()) words.emplace_back(task.edit ? "none" : "random");
  const auto classes = asked_classes(words, known);
  const auto total = classes.size() * static_cast<std::size_t>(task.count);
  const auto seeds = nn::item_seeds(static_cast<uint64_t>(task.compute.seed.value_or(0)),
                                    static_cast<uint64_t>(task.first), total);
  std::vector<PlannedPicture> pictures;
  for (std::size_t i = 0; i < total; ++i) {
    const auto planned = class_of_item(classes[i / static_cast<std::size_t>(task.count)], seeds[i], known);
    pictures.push_back({.index = task.first + static_cast<int64_t>(i),
                        .label = planned.label,
                        .seed = seeds[i],
                        .class_name = planned.name});
  }
  return pictures;
}

int64_t grid_columns(const plan::GenerateImageTask& task, std::size_t pictures) {
  constexpr int64_t kWidest = 32;
  const auto count = static_cast<int64_t>(pictures);
  const bool row_per_class = task.count > 1 && task.count < count && task.count <= kWidest;
  return row_per_class ? task.count : square_columns(count);
}

std::string file_stem(const PlannedPicture& picture) { return item_stem(picture.index, picture.class_name); }

}  // namespace arzoo::tasks
