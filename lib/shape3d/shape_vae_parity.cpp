#include <torch/torch.h>

#include "core/options_among.h"
#include "shape3d/farthest_points.h"
#include "shape3d/fixture.h"
#include "shape3d/occupancy_metrics.h"
#include "shape3d/shape_vae_loss.h"

namespace arzoo::shape3d {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

std::shared_ptr<ShapeVae> load_vae(const ParityCase& fixture) {
  auto vae = std::make_shared<ShapeVae>(options_among<ShapeVaeOptions>(fixture.config));
  fixture.load(*vae, fixture.weights());
  return vae;
}

SurfaceClouds clouds_of(const ParityCase& fixture, const ShapeVaeOptions& options) {
  SurfaceClouds clouds{{fixture.input("surface")}, {}};
  if (options.pyramid) {
    clouds.levels.push_back(fixture.input("surface2"));
    clouds.levels.push_back(fixture.input("surface3"));
  }
  if (options.use_downsample) clouds.fps_start = fixture.input("fps_start");
  return clouds;
}

/// What the case knows of the intermediate results.
void check_trace(const ParityCase& fixture, const runtime::Trace& trace, ParityReport& report) {
  for (const auto& [name, value] : trace) {
    if (fixture.io.contains(name)) report.check(name, value);
  }
}

void replay_pass(const ParityCase& fixture, ShapeVae& vae, ParityReport& report) {
  const auto clouds = clouds_of(fixture, vae.options());
  runtime::Trace trace;
  const auto posterior = vae.encode(clouds, &trace);
  const auto z = posterior.sample(fixture.input("posterior_noise"));
  const auto latents = vae.decode(z, &trace);
  const auto logits = vae.query(fixture.input("queries"), vae.read(latents), &trace);
  check_trace(fixture, trace, report);
  report.check("mean", posterior.mean);
  report.check("logvar", posterior.logvar);
  report.check("kl", posterior.kl().mean({1, 2}));
  report.check("kl_embed", z);
  report.check("latents", latents);
  report.check("logits", logits);
  if (fixture.io.contains("std")) report.check("std", posterior.stddev());
  if (!fixture.io.contains("logits_mode")) return;
  report.check("logits_mode", vae.query(fixture.input("queries"), vae.read(vae.decode(posterior.mean))));
}

}  // namespace

/// All of it, twice: inference takes other kernels than training, and both must agree with the case.
void replay_shape_vae(const ParityCase& fixture, ParityReport& report) {
  const auto vae = load_vae(fixture);
  for (const bool training : {false, true}) {
    const torch::AutoGradMode mode(training);
    replay_pass(fixture, *vae, report);
  }
  if (!vae->options().use_downsample) return;
  const auto places = fixture.input("surface").narrow(2, 0, 3);
  const int64_t count = farthest_count(places.size(1), vae->options().query_ratio());
  const auto first = at::arange(places.size(0), at::kLong).view({-1, 1}) * places.size(1);
  const auto chosen = farthest_points(places, fixture.input("fps_start"), count).cpu() + first;
  report.check_value("fps_idx", chosen.flatten(), fixture.input("fps_idx"), {.rtol = 0.0, .atol = 0.0});
}

void replay_shape_vae_training(const ParityCase& fixture, ParityReport& report) {
  const auto vae = load_vae(fixture);
  const auto names = runtime::listed_names(fixture, "param_order");
  const ShapeBatch batch{clouds_of(fixture, vae->options()), fixture.input("rand_points"),
                         fixture.input("occupancies")};
  std::vector<double> accuracies, overlaps;
  std::vector<at::Tensor> fits, divergences;
  auto training = recorded_training(fixture, *vae);
  training.loss = [&](int64_t step) {
    return shape_vae_loss(*vae, batch, fixture.input("posterior_noise")[step]);
  };
  training.after_step = [&](int64_t step, const runtime::Losses& losses) {
    fits.push_back(losses.parts.at(0).second);
    divergences.push_back(losses.parts.at(1).second);
    const auto statistics = losses.statistics();
    accuracies.push_back(statistics.at(0).second);
    // The official metric adds this after its division.
    constexpr double kOfficialOffset = 1e-5;
    overlaps.push_back(statistics.at(1).second + kOfficialOffset);
    if (step == 0) report.check("grad_norm_step0", runtime::gradient_norms(*vae, names));
  };
  const auto log = runtime::replay_training(training);
  report.check("loss", at::tensor(log.losses, at::kDouble));
  report.check("loss_logits", at::stack(fits));
  report.check("loss_kl", at::stack(divergences));
  report.check("lr", at::tensor(log.learning_rates, at::kDouble));
  report.check("accuracy", at::tensor(accuracies, at::kDouble));
  report.check("iou", at::tensor(overlaps, at::kDouble));
  report.check("final_norm", runtime::weight_norms(*vae, names));
}

}  // namespace arzoo::shape3d
