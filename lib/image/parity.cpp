#include "image/parity.h"

#include "image/fixture.h"

namespace arzoo::image {

void replay(const runtime::ParityCase& fixture, runtime::ParityReport& report) {
  const auto& config = fixture.config;
  const auto model = config.text("model");
  if (model == "vqvae") return replay_vqvae(fixture, report);
  if (model == "var_quantizer") return replay_quantizer(fixture, report);
  if (model == "var_schedule") return replay_schedules(fixture.on_cpu(), report);
  if (model == "var_code") return replay_code(fixture, report);
  if (model == "var" && config.has("var_file")) return replay_published(fixture, report);
  if (model == "var" && config.has("train")) return replay_var_training(fixture, report);
  if (model == "var") return replay_var(fixture, report);
  if (model == "AutoencoderKL") return replay_kl_vae(fixture, report);
  if (model == "SpacedDiffusion") return replay_diffusion_tables(fixture, report);
  if (model == "DiffLoss") return replay_diffusion_head(fixture, report);
  if (model == "MAR") return replay_mar(fixture, report);
  if (model == "FlowAR") return replay_flowar(fixture, report);
  config.at("model").reject(
      fmt::format("\"{}\" is of no known kind (expected vqvae, var_quantizer, var, var_code, var_schedule, "
                  "AutoencoderKL, "
                  "SpacedDiffusion, DiffLoss, MAR or FlowAR)",
                  model));
}

}  // namespace arzoo::image
