#include "shape3d/parity.h"

#include "shape3d/fixture.h"

namespace arzoo::shape3d {

void replay(const runtime::ParityCase& fixture, runtime::ParityReport& report) {
  const auto& config = fixture.config;
  const auto model = config.text("model");
  if (model == "michelangelo-autoencoder" && config.has("steps"))
    return replay_shape_vae_training(fixture, report);
  if (model == "michelangelo-autoencoder") return replay_shape_vae(fixture, report);
  if (model == "marching_cubes") return replay_marching_cubes(fixture.on_cpu(), report);
  if (model == "metrics") return replay_metrics(fixture.on_cpu(), report);
  if (model == "ops") return replay_operations(fixture.on_cpu(), report);
  if (model == "clip-dino-embedder") return replay_vision(fixture, report);
  if (model.starts_with("MAR")) return replay_mar(fixture, report);
  config.at("model").reject(
      fmt::format("\"{}\" is of no known kind (expected michelangelo-autoencoder, MAR, MAR-HR "
                  "(reconstructed), clip-dino-embedder, "
                  "marching_cubes, metrics or ops)",
                  model));
}

}  // namespace arzoo::shape3d
