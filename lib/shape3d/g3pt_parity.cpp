#include <torch/torch.h>

#include "core/options_among.h"
#include "kernels/packed_weights.h"
#include "shape3d/fixture.h"
#include "shape3d/g3pt_model.h"
#include "shape3d/g3pt_vq_model.h"
#include "shape3d/trained_replay.h"

namespace arzoo::shape3d {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

ShapeBatch g3pt_batch(const ParityCase& fixture) {
  return {{{fixture.input("surface")}, {}}, fixture.input("queries"), fixture.input("occupancy")};
}

void replay_tokenizer_pass(const ParityCase& fixture, G3ptVq& model, ParityReport& report) {
  const auto &surface = fixture.input("surface"), &queries = fixture.input("queries"),
             &occupancy = fixture.input("occupancy");
  const auto z = model.encode(surface);
  report.check("z", z);
  const auto continuous = model.decode(queries, z);
  report.check("logits_continuous", continuous);
  report.check("bce_continuous", at::binary_cross_entropy_with_logits(continuous, occupancy));
  const auto pass = model.quantizer().train_pass(z);
  report.check("ids", pass.ids);
  report.check("bits_z", pass.numbers);
  report.check("z_hat", at::stack(pass.sums));
  const auto logits = model.decode(queries, pass.sums.back());
  report.check("logits", logits);
  report.check("bce", at::binary_cross_entropy_with_logits(logits, occupancy));
  std::vector<at::Tensor> per_sample, codebook, commitment;
  for (const auto& scale : pass.scales) {
    per_sample.push_back(scale.per_sample_entropy);
    codebook.push_back(scale.codebook_entropy);
    commitment.push_back(scale.commitment);
  }
  report.check("per_sample_entropy", at::stack(per_sample));
  report.check("codebook_entropy", at::stack(codebook));
  report.check("commitment", at::stack(commitment));
  report.check("next_input", model.teacher_input(pass.ids));
}

G3ptOptions generator_options(const Config& config) {
  auto options = options_among<G3ptOptions>(config);
  int64_t bits = 0;
  config.at("bits").read(bits, between(1, 16));
  options.codes = int64_t{1} << bits;
  return options;
}

/// Guided sampling, as loaded and as inference packs it.
void replay_sampling(const ParityCase& fixture, G3pt& model, G3ptVq& tokenizer, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto sampling = scale_sampling(options_among<G3ptGenerationOptions>(fixture.config));
  const auto& condition = fixture.input("cond");
  for (const bool packed : {false, true}) {
    if (packed && !condition.device().is_cpu()) break;
    if (packed) {
      kernels::pack_for_inference(model);
      kernels::pack_for_inference(tokenizer);
    }
    nn::ReplayedRandomInputs random_inputs(fixture.input("noise").cpu());
    std::vector<at::Tensor> logits;
    at::Tensor sum;
    const auto ids = generate_scales(
        model, tokenizer, condition, sampling, random_inputs,
        [&](std::size_t, const at::Tensor& of_scale) { logits.push_back(of_scale); }, &sum);
    report.check("sample_ids", ids);
    report.check("sample_logits", at::cat(logits, 1));
    report.check("sample_z", sum);
    report.check("sample_occupancy", tokenizer.logits(fixture.input("queries"), tokenizer.opened(ids)));
  }
}

}  // namespace

void replay_g3pt_tokenizer(const ParityCase& fixture, ParityReport& report) {
  const auto model = std::make_shared<G3ptVq>(options_among<G3ptVqOptions>(fixture.config));
  fixture.load(*model, fixture.weights());
  for (const bool training : {true, false}) {
    const torch::AutoGradMode mode(training);
    replay_tokenizer_pass(fixture, *model, report);
  }
  report.check("ids", model->code({{fixture.input("surface")}, {}}));
  const auto names = runtime::listed_names(fixture, "param_order");
  const auto batch = g3pt_batch(fixture);
  const auto losses = model->loss(batch, /*quantised=*/true);
  check_gradients(*model, losses.total, names, report);
  auto training = constant_training(fixture, *model, names);
  training.steps = fixture.io.at("train_loss").numel();
  std::vector<at::Tensor> ids;
  training.loss = [&](int64_t) {
    {
      const torch::NoGradGuard no_grad;
      ids.push_back(model->code(batch.clouds));
    }
    return model->loss(batch, /*quantised=*/true);
  };
  const StartingWeights start(*model);
  const auto log = runtime::replay_training(training);
  report.check("train_ids", at::stack(ids));
  check_training(fixture, training, start, log, names, report);
}

void replay_g3pt_car(const ParityCase& fixture, ParityReport& report) {
  const auto& config = fixture.config;
  const auto tokenizer = std::make_shared<G3ptVq>(options_among<G3ptVqOptions>(config));
  fixture.load(*tokenizer, runtime::open_tensors(fixture.folder / config.text("tokenizer_weights")));
  const auto options = generator_options(config);
  const auto load = [&] {
    auto model = std::make_shared<G3pt>(options);
    fixture.load(*model, fixture.weights());
    model->eval();
    return model;
  };
  const auto model = load();
  const auto &condition = fixture.input("cond"), &ids = fixture.input("ids");
  const auto inputs = tokenizer->teacher_input(ids);
  report.check("next_input", inputs);
  const std::size_t all = options.scales.size();
  {
    const torch::NoGradGuard no_grad;
    report.check("logits", model->forward(condition, inputs, all));
    report.check("loss_half", model->loss(condition, inputs, ids, model->half_of_scales()).total);
  }
  replay_sampling(fixture, *load(), *tokenizer, report);
  check_batch_training(
      fixture, *model, [&] { return model->loss(condition, inputs, ids, all); }, report);
}

}  // namespace arzoo::shape3d
