#include "image/axial_parity.h"

#include <torch/torch.h>

#include <cmath>
#include <numbers>

#include "image/axial_sampler.h"
#include "image/recorded_steps.h"
#include "runtime/optimizer.h"
#include "runtime/training_replay.h"

namespace arzoo::image {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

AxialOptions axial_options_of(const ParityCase& fixture, const char* channels) {
  auto options = options_among<AxialOptions>(fixture.config);
  if (std::string_view(channels).empty()) {
    options.img_channels = 1;
  } else {
    options.channels = channels;
  }
  // Masks of the official code's generator cannot be drawn again.
  if (fixture.config.has("dropout") && options.dropout > 0.0)
    fixture.config.at("dropout").reject("expected 0: a replay draws no masks");
  options.dropout = 0.0;
  return options;
}

at::Tensor input_or_none(const ParityCase& fixture, const char* name) {
  return fixture.has_input(name) ? fixture.input(name) : at::Tensor();
}

/// With the stored Gumbel noise g the level of the largest logit + g: the code of the largest p / e, e =
/// exp(-g).
nn::ReplayedRandomInputs gumbel_inputs(const at::Tensor& noise) {
  return nn::ReplayedRandomInputs(noise.cpu().to(at::kDouble).neg().exp().to(at::kFloat).flatten(1, -2));
}

void check_if_listed(const ParityCase& fixture, ParityReport& report, const std::string& name,
                     const at::Tensor& value) {
  if (fixture.io.contains(name)) report.check(name, value);
}

/// The largest change of each pixel's logits when the one in the middle takes the next level.
at::Tensor influence(const AxialPixels& model, const at::Tensor& x, const at::Tensor& cond) {
  const int64_t y = model.options().rows() / 2, column = model.options().img_width / 2;
  auto other = x.clone();
  other.select(2, column).select(1, y).add_(1).remainder_(model.options().num_embs);
  const auto change = (model.forward(other, cond) - model.forward(x, cond)).abs();
  return std::get<0>(std::get<0>(change.max(3)).max(0));
}

/// Steps of TensorFlow 1's Adam, which adds its epsilon before the bias of the second moment is corrected:
/// PyTorch's with an epsilon that follows the step.
void replay_axial_steps(const ParityCase& fixture, torch::nn::Module& model,
                        const std::function<at::Tensor(int64_t)>& loss_of, ParityReport& report) {
  const auto section = fixture.config.at("optimizer");
  runtime::TrainingOptions options;
  options.optimizer = "adam";
  double rate = 0.0, warmup = 0.0, limit = 0.0, epsilon = 0.0;
  int64_t steps = 0;
  section.at("max_lr").read(rate, more_than(0));
  section.at("warmup").read(warmup, at_least(1));
  section.at("grad_clip_norm").read(limit, more_than(0));
  section.at("adam_beta1").read(options.betas[0], from_below(0, 1));
  section.at("adam_beta2").read(options.betas[1], from_below(0, 1));
  section.at("epsilon").read(epsilon, more_than(0));
  section.at("steps").read(steps, at_least(1));
  std::vector<double> losses, norms, rates;
  runtime::Optimizer::State state;
  for (int64_t step = 0; step < steps; ++step) {
    options.eps = epsilon / std::sqrt(1.0 - std::pow(options.betas[1], static_cast<double>(step + 1)));
    runtime::Optimizer optimizer(model, options);
    if (step > 0) optimizer.state() = state;
    optimizer.zero_grad();
    const auto loss = loss_of(step);
    loss.backward();
    losses.push_back(loss.item<double>());
    norms.push_back(optimizer.clip_gradients(limit));
    rates.push_back(rate * std::min(static_cast<double>(step) / warmup, 1.0));
    optimizer.step(rates.back());
    state = optimizer.state();
  }
  report.check("loss", at::tensor(losses, at::kDouble));
  report.check("grad_norm", at::tensor(norms, at::kDouble));
  report.check("lr", at::tensor(rates, at::kDouble));
  report.check("param_norms", runtime::weight_norms(model, runtime::listed_names(fixture, "norm_names")));
  for (const auto& [name, value] : runtime::state_dict(model))
    check_if_listed(fixture, report, "final." + name, value);
}

std::shared_ptr<Axial> placed_axial(const ParityCase& fixture, const AxialOptions& options) {
  auto model = std::make_shared<Axial>(options);
  fixture.load(*model, fixture.weights());
  return model;
}

/// The steps of a model of several channels.
void replay_channel_steps(const ParityCase& fixture, Axial& model, ParityReport& report) {
  const auto x = fixture.input("x"), cond = input_or_none(fixture, "cond");
  model.check_levels(x);
  replay_axial_steps(
      fixture, model,
      [&](int64_t step) {
        const auto slice = fixture.has_input("slice") ? fixture.input("slice")[step] : at::Tensor();
        return model.loss(x, slice, cond);
      },
      report);
}

void replay_channel_samples(const ParityCase& fixture, const Axial& model, const at::Tensor& cond,
                            ParityReport& report) {
  const auto noise = fixture.input("noise");  // [B, H, W, C, K]
  auto random_inputs = gumbel_inputs(stacked_channels(noise));
  report.check("sampled", sample_axial(model, noise.size(0), cond, random_inputs));
}

}  // namespace

void replay_axial_pixels(const ParityCase& fixture, ParityReport& report) {
  AxialPixels model(axial_options_of(fixture, ""));
  fixture.load(model, fixture.weights());
  const auto x = fixture.input("x"), cond = input_or_none(fixture, "cond");
  if (fixture.config.has("optimizer")) {
    const auto loss_of = [&](int64_t) {
      return at::cross_entropy_loss(model.forward(x, cond).flatten(0, 2), x.flatten()) / std::numbers::ln2;
    };
    return replay_axial_steps(fixture, model, loss_of, report);
  }
  runtime::Trace trace;
  const auto logits = model.forward(x, cond, &trace);
  const auto nll = at::cross_entropy_loss(logits.flatten(0, 2), x.flatten());
  nll.backward();
  for (const auto& [name, value] : trace) check_if_listed(fixture, report, name, value);
  report.check("logits", logits);
  check_if_listed(fixture, report, "nll", nll.detach().view({1}));
  if (fixture.io.contains("grad_norms")) report.check("grad_norms", listed_gradient_norms(fixture, model));
  const torch::NoGradGuard no_grad;
  check_if_listed(fixture, report, "logits_nocond", model.forward(x, {}));
  check_if_listed(fixture, report, "influence", influence(model, x, cond));
  // As loaded, and once more as a generation uses it.
  for (const bool packed : {false, true}) {
    if (packed) kernels::pack_for_inference(model);
    for (const auto& [name, own] : {std::pair{"sampled", cond}, {"sampled_nocond", at::Tensor()}}) {
      if (!fixture.io.contains(name)) continue;
      auto random_inputs = gumbel_inputs(fixture.input("noise"));
      report.check(name, sample_axial_pixels(model, x.size(0), own, random_inputs));
    }
  }
}

void replay_axial_sliced(const ParityCase& fixture, ParityReport& report) {
  const auto model = placed_axial(fixture, axial_options_of(fixture, "sliced"));
  if (fixture.config.has("optimizer")) return replay_channel_steps(fixture, *model, report);
  const auto x = fixture.input("x"), slice = fixture.input("slice"), cond = input_or_none(fixture, "cond");
  model->check_levels(x);
  report.check("conditioning", model->conditioning(x, slice, cond));
  report.check("slice_nll", model->slice_nats(x, slice, cond));
  const auto loss = model->loss(x, slice, cond);
  loss.backward();
  report.check("loss", loss.detach().view({1}));
  report.check("grad_norms", listed_gradient_norms(fixture, *model));
  const torch::NoGradGuard no_grad;
  report.check("logits", model->logits(x, cond));
  report.check("bits_per_dim", model->nats(x, cond).mean({1, 2, 3}) / std::numbers::ln2);
  for (const bool packed : {false, true}) {
    if (packed) kernels::pack_for_inference(*model);
    replay_channel_samples(fixture, *model, cond, report);
  }
}

void replay_axial_stacked(const ParityCase& fixture, ParityReport& report) {
  const auto model = placed_axial(fixture, axial_options_of(fixture, "stacked"));
  if (fixture.config.has("optimizer")) return replay_channel_steps(fixture, *model, report);
  const torch::NoGradGuard no_grad;
  const auto x = fixture.input("x"), cond = input_or_none(fixture, "cond");
  model->check_levels(x);
  report.check("logits", model->logits(x, cond));
  check_if_listed(fixture, report, "bits_per_dim", model->nats(x, cond).mean({1, 2, 3}) / std::numbers::ln2);
  for (const bool packed : {false, true}) {
    if (packed) kernels::pack_for_inference(*model);
    replay_channel_samples(fixture, *model, cond, report);
  }
}

}  // namespace arzoo::image
