#include <torch/torch.h>

#include "image/fixture.h"
#include "image/frequency_bands.h"

namespace arzoo::image {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

/// The tensors with a tokenizer's statistics of training, which the cases leave out.
runtime::NamedTensors with_statistics(runtime::NamedTensors weights, const VqvaeOptions& options) {
  const std::string name = "ema_vocab_hit_SV";
  if (!weights.contains(name))
    weights.add(name, at::zeros({static_cast<int64_t>(options.v_patch_nums.size()), options.vocab_size}));
  return weights;
}

/// The gradient of the loss together with that of the straight-through features, which `upstream` weighs.
void replay_gradients(const ParityCase& fixture, ResidualQuantizer& quantizer, const Grids& grids,
                      ParityReport& report) {
  const auto f = fixture.input("f").clone().requires_grad_(true);
  const auto pass = quantizer.train_pass(f, grids);
  (pass.loss + (pass.f_hat * fixture.input("upstream")).mean()).backward();
  report.check("vq_loss", pass.loss.detach().view({1}));
  report.check("grad_f", f.grad());
  int64_t phi = 0;
  for (const auto& parameter : quantizer.named_parameters()) {
    const auto& name = parameter.key();
    if (name == "embedding.weight") report.check("grad_codebook", parameter.value().grad());
    if (!name.starts_with("quant_resi") || !name.ends_with("weight")) continue;
    const auto output = fmt::format("grad_phi{}", phi++);
    if (fixture.io.contains(output)) report.check(output, parameter.value().grad());
  }
}

}  // namespace

void replay_frequency_bands(const ParityCase& fixture, ParityReport& report) {
  for (const auto& [name, variant] : fixture.config.at("cases").members()) {
    const auto grids = read_grids(variant.at("v_patch_nums"));
    const FrequencyBands bands(variant.text("band_rule"), grids);
    const auto f = fixture.input(name + ".f");
    auto passed = bands.low_passes(f);
    for (std::size_t k = passed.size() - 1; k > 0; --k) passed[k] = passed[k] - passed[k - 1];
    report.check(name + ".edges", at::tensor(bands.edges(), at::kDouble));
    report.check(name + ".band", bands.bands());
    report.check(name + ".count", at::tensor(bands.counts(), at::kLong));
    report.check(name + ".components", at::cat(passed));
  }
}

void replay_band_quantizer(const ParityCase& fixture, ParityReport& report) {
  auto options = options_among<VqvaeOptions>(fixture.config);
  fixture.config.at("Cvae").read(options.z_channels, at_least(1));
  ResidualQuantizer quantizer(options);
  fixture.load(quantizer, with_statistics(fixture.weights(), options));
  const auto f = fixture.input("f");
  const auto grids = square_grids(options.v_patch_nums);
  const auto code = quantizer.encode(f, grids);
  report.check("idx_BL", at::cat(code.ids, 1));
  report.check("f_hat_SBChw", at::stack(code.f_hat));
  report.check("low_pass_SBChw", at::stack(quantizer.targets(f, grids)));
  report.check("var_input", quantizer.teacher_input(code.ids, grids));
  report.check("vq_loss_last", (at::mse_loss(code.f_hat.back(), f) * (1.0 + options.beta)).view({1}));
  replay_gradients(fixture, quantizer, grids, report);
  if (!fixture.has_input("f_rect")) return;
  const auto rectangles = read_grids(fixture.config.at("rect_v_patch_nums"));
  const auto rectangle = quantizer.encode(fixture.input("f_rect"), rectangles);
  report.check("idx_rect", at::cat(rectangle.ids, 1));
  report.check("f_hat_rect", rectangle.f_hat.back());
}

void replay_band_generation(const ParityCase& fixture, ParityReport& report) {
  auto options = var_options_among(fixture.config, fixture.config.at("vae"));
  // The case has no pictures: of the tokenizer only the quantiser is of a given size.
  options.vae.ch = 32;
  options.vae.ch_mult = {1};
  const std::string prefix = "quantize.";
  const auto all = fixture.weights();
  Vqvae vae(options.vae);
  fixture.load(vae.quantizer(), with_statistics(weights_of(all, prefix), options.vae));
  const auto model = placed_var(fixture, options, weights_of(all, "", {prefix}));
  const VarSampler sampler(vae, *model);
  const auto labels = fixture.input("label_B");
  nn::ReplayedRandomInputs random_inputs(fixture.input("noise_BLV").cpu());
  GenerationRecord record;
  sampler.features(labels, RecordedRun{fixture, "", fixture.config}.sampling(), random_inputs, &record);
  report.check("idx_BL", at::cat(record.ids, 1));
  report.check("logits_BLV", at::cat(record.logits, 1));
  report.check("f_hat_SBChw", at::stack(record.f_hat));
  report.check("next_map_BLC", at::cat(record.maps, 1));
  const auto ids = by_scale(fixture.io.at("idx_BL"), model->grids());
  const torch::NoGradGuard no_grad;
  report.check("tf_logits", model->forward(labels, vae.quantizer().teacher_input(ids, model->grids())));
}

}  // namespace arzoo::image
