#include <torch/torch.h>

#include "core/options_among.h"
#include "shape3d/fixture.h"
#include "shape3d/vision_towers.h"

namespace arzoo::shape3d {

void replay_vision(const runtime::ParityCase& fixture, runtime::ParityReport& report) {
  const auto& config = fixture.config;
  int64_t size = 0;
  config.at("image_size").read(size, at_least(1));
  const auto weights = fixture.weights();
  const auto pixels = vision_pixels(fixture.input("image"), size);
  report.check("pixel_values", pixels);
  const auto clip =
      clip_features(pixels, options_among<ClipVisionOptions>(config.at("clip")), weights, "clip.");
  report.check("clip_embeddings", clip.embeddings);
  report.check("clip_last_hidden_state", clip.last_hidden_state);
  report.check("clip_pooler_output", clip.pooler_output);
  const auto dino =
      dino_features(pixels, options_among<ClipVisionOptions>(config.at("dino")), weights, "dino.");
  report.check("dino_embeddings", dino.embeddings);
  report.check("dino_last_hidden_state", dino.last_hidden_state);
  report.check("condition", merged_condition(clip, dino));
}

}  // namespace arzoo::shape3d
