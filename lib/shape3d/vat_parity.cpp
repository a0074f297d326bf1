#include <torch/torch.h>

#include "core/options_among.h"
#include "kernels/packed_weights.h"
#include "shape3d/fixture.h"
#include "shape3d/trained_replay.h"
#include "shape3d/vat_model.h"

namespace arzoo::shape3d {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

ShapeBatch vat_batch(const ParityCase& fixture) {
  return {{{fixture.input("surface")}, {}}, fixture.input("queries"), fixture.input("occupancy")};
}

/// Both phases of a pass.
void replay_pass(const ParityCase& fixture, Vat& model, ParityReport& report) {
  const auto &surface = fixture.input("surface"), &queries = fixture.input("queries");
  at::Tensor kept;
  const auto posterior = model.encode(surface, &kept);
  report.check("latent_out", kept);
  report.check("mean", posterior.mean);
  report.check("logvar", posterior.logvar);
  report.check("kl", posterior.kl().mean());
  const auto z = posterior.sample(fixture.input("noise")[0]);
  const auto planes = model.planes(z);
  report.check("triplane_continuous", planes);
  report.check("logits_continuous", model.query(queries, planes));
  const auto pass = model.quantised(z);
  report.check("ids", pass.ids);
  report.check("vq_loss", pass.loss);
  report.check("logits", model.query(queries, model.planes(pass.quantised)));
  report.check("z_hat", at::stack(pass.sums));
}

/// The tokens of inference, what a generator reads of them, and what they decode to.
void replay_tokens(const ParityCase& fixture, Vat& model, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto ids = model.code({{fixture.input("surface")}, {}});
  report.check("ids_mean", ids);
  report.check("next_input", model.teacher_input(ids));
  report.check("logits_mean", model.logits(fixture.input("queries"), model.opened(ids)));
}

}  // namespace

void replay_vat(const ParityCase& fixture, ParityReport& report) {
  const auto model = std::make_shared<Vat>(options_among<VatOptions>(fixture.config));
  fixture.load(*model, fixture.weights());
  const auto batch = vat_batch(fixture);
  const auto& noise = fixture.input("noise");
  for (const bool training : {true, false}) {
    const torch::AutoGradMode mode(training);
    replay_pass(fixture, *model, report);
  }
  replay_tokens(fixture, *model, report);
  const auto names = runtime::listed_names(fixture, "param_order");
  const auto losses = model->loss(batch, noise[0], /*quantised=*/true);
  check_gradients(*model, losses.total, names, report);
  auto training = constant_training(fixture, *model, names);
  training.steps = fixture.io.at("train_loss").numel();
  std::vector<at::Tensor> ids;
  training.loss = [&](int64_t step) {
    {
      const torch::NoGradGuard no_grad;
      ids.push_back(model->quantised(model->encode(fixture.input("surface")).sample(noise[step + 1])).ids);
    }
    return model->loss(batch, noise[step + 1], /*quantised=*/true);
  };
  const StartingWeights start(*model);
  const auto log = runtime::replay_training(training);
  report.check("train_ids", at::stack(ids));
  check_training(fixture, training, start, log, names, report);
}

}  // namespace arzoo::shape3d
