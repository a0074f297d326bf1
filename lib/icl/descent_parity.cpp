#include <torch/torch.h>

#include <numbers>

#include "icl/fixture.h"
#include "icl/gradient_descent.h"
#include "icl/regression_prompts.h"

namespace arzoo::icl {
namespace {

/// The learner's options in a case; the case may describe the initial weights in words.
VonOswaldOptions learner_options(const ParityCase& fixture) {
  Json official = fixture.config.json();
  official.erase("init_scale");
  return options_among<VonOswaldOptions>(Config(std::move(official), fixture.config.name()));
}

/// The learner of a case, whose weights begin with "<net>/".
SelfAttentionLearner learner_of(const ParityCase& fixture, int64_t width, const std::string& net) {
  return {learner_options(fixture), width, net};
}

/// The tensors under "<net>/" alone.
runtime::NamedTensors weights_of(const ParityCase& fixture, const std::string& net) {
  runtime::NamedTensors own(fixture.name);
  for (const auto& [name, tensor] : fixture.weights()) {
    if (name.starts_with(net + "/")) own.add(name, tensor);
  }
  return own;
}

at::Tensor losses_per_layer(const at::Tensor& stack, const at::Tensor& target) {
  return 0.5 * (stack - target.select(1, -1)).square().mean(1);
}

/// Weights that the case holds and weights that we construct for the same descent must be the same.
void check_weights(const SelfAttentionLearner& constructed, const runtime::NamedTensors& official,
                   const ParityCase& fixture, ParityReport& report) {
  for (const auto& [name, value] : runtime::state_dict(constructed))
    report.check_value("weights of " + name, value, official.at(name), fixture.tolerance);
}

void check_descent(const ParityCase& fixture, const SelfAttentionLearner& learner,
                   const DescentOptions& descent, ParityReport& report) {
  const int64_t inputs = whole_number(fixture, "input_size"), points = whole_number(fixture, "dataset_size");
  const auto wide = fixture.input("tokens").to(at::kDouble);
  const auto context = wide.narrow(1, 0, points);
  const auto xs = context.narrow(2, 0, inputs), ys = context.narrow(2, inputs, wide.size(2) - inputs);
  const auto query = wide.select(1, -1).narrow(1, 0, inputs).unsqueeze(-1);
  auto exact = descent;
  if (exact.initial.defined()) exact.initial = exact.initial.to(at::kDouble);
  const auto path = gradient_descent(xs, ys, exact, learner.options().num_layers);
  const auto predictions = at::matmul(path, query).squeeze(-1);
  if (fixture.io.contains("gd_predictions")) {
    report.check("gd_predictions", predictions);
    report.check("gd_final_w", path[-1]);
  } else {
    report.check("gd_prediction", predictions[-1].squeeze(-1));
    report.check("gd_delta_w", path[-1].squeeze(1));
    report.check("gd_loss",
                 0.5 * (predictions[-1].squeeze(-1) - fixture.input("target").select(1, -1)).square().mean());
  }
}

}  // namespace

void replay_construction(const ParityCase& fixture, ParityReport& report) {
  const std::string net = "Transformer_gd";
  const torch::NoGradGuard no_grad;
  const auto& tokens = fixture.input("tokens");
  auto learner = learner_of(fixture, tokens.size(2), net),
       constructed = learner_of(fixture, tokens.size(2), net);
  const auto weights = fixture.weights();
  fixture.load(learner, weights);
  DescentOptions descent;
  descent.learning_rate = real_number(fixture, "lr");
  if (fixture.config.has("lin_diag")) fixture.config.at("lin_diag").read(descent.curvature, {});
  if (fixture.has_input("w_init")) descent.initial = fixture.input("w_init");
  construct(constructed, whole_number(fixture, "input_size"), whole_number(fixture, "dataset_size"), descent);
  check_weights(constructed, weights, fixture, report);
  SelfAttentionTrace trace;
  const auto hidden = learner.forward(tokens, &trace);
  const auto check = [&](const char* name, const at::Tensor& value) {
    if (fixture.io.contains(name)) report.check(name, value);
  };
  check("hidden", hidden);
  check("attn", trace.attention.front());
  check("hidden_per_layer", at::stack(trace.hidden));
  check("prediction", learner.predict(tokens));
  check("prediction_stack", learner.predict_stack(tokens));
  if (fixture.has_input("target")) {
    const auto losses = losses_per_layer(learner.predict_stack(tokens), fixture.input("target"));
    check("loss", losses[-1]);
    check("loss_per_layer", losses);
  }
  if (descent.curvature) {
    const auto path =
        curvature_descent(tokens.to(at::kDouble), descent.learning_rate, learner.options().num_layers);
    report.check("explicit_gdpp", path[-1]);
  } else {
    check_descent(fixture, learner, descent, report);
  }
}

void replay_vonoswald(const ParityCase& fixture, ParityReport& report) {
  const auto &tokens = fixture.input("tokens"), &target = fixture.input("target");
  auto learner = learner_of(fixture, tokens.size(2), "transformer");
  fixture.load(learner, fixture.weights());
  {
    const torch::NoGradGuard no_grad;
    SelfAttentionTrace trace;
    report.check("hidden", learner.mapped_out(learner.forward(tokens, &trace)));
    report.check("prediction_stack", learner.predict_stack(tokens));
    for (std::size_t layer = 0; layer < trace.attention.size(); ++layer)
      report.check(fmt::format("attn{}", layer), trace.attention[layer]);
  }
  const auto loss = learner.loss(tokens, target);
  report.check("loss", loss);
  check_gradients(loss, learner, report);
}

void replay_vonoswald_training(const ParityCase& fixture, ParityReport& report) {
  auto learner = learner_of(fixture, fixture.input("tokens0").size(2), "transformer");
  fixture.load(learner, fixture.weights());
  runtime::TrainingOptions options;
  options.optimizer = "adamw";
  options.learning_rate = real_number(fixture, "lr");
  options.betas = {real_number(fixture, "b1"), real_number(fixture, "b2")};
  options.eps = real_number(fixture, "eps");
  options.weight_decay = real_number(fixture, "weight_decay");
  options.clip_grad_norm = real_number(fixture, "grad_clip_value");
  options.lradj = "constant";
  const auto loss = [&](int64_t step) -> runtime::Losses {
    return {learner.loss(fixture.input(fmt::format("tokens{}", step)),
                         fixture.input(fmt::format("target{}", step)))};
  };
  const auto log = runtime::replay_training(
      {.model = learner, .options = options, .steps = fixture.io.at("losses").size(0), .loss = loss});
  report.check("losses", at::tensor(log.losses, at::kDouble));
  report.check("grad_norms", at::tensor(log.gradient_norms, at::kDouble));
  check_trained(learner, fixture, report);
}

void replay_vonoswald_trained(const ParityCase& fixture, ParityReport& report) {
  const auto &tokens = fixture.input("tokens"), &target = fixture.input("target");
  const int64_t inputs = whole_number(fixture, "input_size");
  const auto open = [&](const std::string& net) {
    auto learner = std::make_unique<SelfAttentionLearner>(learner_of(fixture, tokens.size(2), net));
    fixture.load(*learner, weights_of(fixture, net));
    return learner;
  };
  const auto check = [&](const std::string& name, const SelfAttentionLearner& learner) {
    const auto stack = learner.predict_stack(tokens);
    report.check(name + "_prediction_stack", stack);
    report.check(name + "_loss_per_layer", losses_per_layer(stack, target));
    report.check(name + "_sensitivity", learner.sensitivity(tokens, inputs));
  };
  const auto trained = open("transformer"), descent = open("Transformer_gd");
  check("tf", *trained);
  check("gd", *descent);
  const auto compare = [&](const char* output, const SelfAttentionLearner& other) {
    const auto like = likeness(*trained, other, tokens, inputs);
    report.check(output, at::tensor({like.cosine, like.sensitivity, like.prediction}, at::kDouble));
  };
  compare("metrics_vs_gd", *descent);
  const auto* nearest = descent.get();
  std::unique_ptr<SelfAttentionLearner> curvature;
  if (fixture.io.contains("metrics_vs_gdpp")) {
    curvature = open("Transformer_gdpp");
    check("gdpp", *curvature);
    compare("metrics_vs_gdpp", *curvature);
    nearest = curvature.get();
  }
  const auto between = interpolation(*trained, *nearest, inputs);
  report.check("interp_query", between.query);
  report.check("interp_linear", between.linear);
  report.check("interp_mean", at::scalar_tensor(between.mean, at::kDouble));
  auto mixed = learner_of(fixture, tokens.size(2), "transformer");
  use(between, mixed);
  mixed.to(fixture.device);
  const torch::NoGradGuard no_grad;
  report.check("interp_prediction", mixed.predict(tokens));
  report.check("interp_loss", mixed.loss(tokens, target));
}

void replay_regression_data(const ParityCase& fixture, ParityReport& report) {
  auto options = options_among<RegressionOptions>(fixture.config);
  const auto sample = [&](const char* name) { return fixture.input(name).unsqueeze(0); };
  const LinearRandomInputs random_inputs{sample("reg_w_normal"), sample("reg_x_unit"), sample("reg_xq_unit"),
                                         sample("reg_choice"), sample("reg_noise")};
  const auto check = [&](const std::string& kind, const RegressionPrompts& prompts) {
    report.check(kind + "_seq", prompts.tokens[0]);
    report.check(kind + "_target", prompts.target[0]);
  };
  check("reg", linear_prompts(options, random_inputs));
  report.check("reg_w", options.weight_scale * random_inputs.w[0]);
  options.classic_token_const = true;
  check("classic", linear_prompts(options, random_inputs));
  const SineRandomInputs sine{sample("sin_u"), sample("sin_x_unit"), sample("sin_xq_unit")};
  check("sin", sine_prompts(real_number(fixture, "sin_input_range"), sine));
  report.check("sin_amp", 0.1 + 0.4 * sine.u[0]);
  report.check("sin_phase", std::numbers::pi * sine.u[0]);
}

}  // namespace arzoo::icl
