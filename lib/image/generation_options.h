#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/config.h"

/// What is asked of a generator of pictures. No torch in here.
namespace arzoo::image {

/// Where its weights are.
struct GeneratorSource {
  std::filesystem::path model;                   ///< run directory, model folder or weights file
  std::string state_dict = {};                   ///< of a .pth file with several
  std::optional<std::filesystem::path> vae;      ///< the tokenizer, when it does not lie with the model
  std::optional<std::filesystem::path> drafter;  ///< draws the first draft_steps scales in the model's place
  std::optional<std::filesystem::path> refiner;  ///< draws the scales after draft_steps in the model's place
  std::optional<int64_t> draft_steps;            ///< CoDe (Chen et al., CVPR 2025)
};

/// How it draws. What is empty is decided by the model's folder ("sampling" in its config.json) or else is
/// the published default. A list has a value per scale; its last one stands for all scales after it.
struct GenerationOptions {
  std::optional<double> cfg;
  std::vector<int64_t> top_k;
  std::vector<double> top_p;
  std::vector<double> temperature;
  bool more_smooth = false;
  std::vector<int64_t> depth_schedule;  ///< blocks that each scale passes through (VARiant)
};

/// The "sampling" section of a model folder's config.json: how its author would draw.
struct SamplingDefaults {
  double cfg = 1.5;
  int64_t top_k = 900;
  double top_p = 0.96;
  double temperature = 1.0;

  static void fields(auto& o, auto& field) {
    field("cfg", o.cfg, at_least(0), "strength of the class, 0 for none");
    field("top_k", o.top_k, at_least(0), "likeliest codes that may be drawn, 0 for all");
    field("top_p", o.top_p, between(0, 1), "probability of the likeliest codes that may be drawn, 0 for all");
    field("temperature", o.temperature, more_than(0), "divides the logits");
  }
};

/// A rectangle of a picture, in pixels from its upper left corner.
struct PixelBox {
  int64_t x = 0, y = 0, width = 0, height = 0;
};

}  // namespace arzoo::image
