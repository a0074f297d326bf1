#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// What `generate-image` asks of a model. No torch in here.
namespace arzoo::runtime {

/// Where the weights are.
struct ImageSource {
  std::filesystem::path model;                         ///< run directory, model folder or weights file
  std::string state_dict = {};                         ///< of a .pth file with several
  std::optional<std::filesystem::path> vae;            ///< the tokenizer, when it does not lie with the model
  std::optional<std::filesystem::path> drafter;        ///< generates the first draft_steps scales
  std::optional<std::filesystem::path> refiner;        ///< generates the scales after draft_steps
  std::optional<int64_t> draft_steps;                  ///< CoDe (Chen et al., CVPR 2025)
  std::optional<std::filesystem::path> teacher;        ///< of a student: generates between its two steps
  std::optional<std::filesystem::path> captions = {};  ///< features of captions, in place of classes
  std::vector<std::string> texts = {};                 ///< captions in words, in place of classes
  int64_t teacher_scales = 1;  ///< scales that the teacher generates, the last ones before the second step

  /// What decides the kind of the generator: the model, or one of the two that share the work.
  const std::filesystem::path& main() const { return model.empty() && drafter ? *drafter : model; }
};

/// A rectangle of a picture, in pixels from its upper left corner.
struct PixelBox {
  int64_t x = 0, y = 0, width = 0, height = 0;
};

}  // namespace arzoo::runtime
