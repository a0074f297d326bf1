#include <torch/torch.h>

#include "icl/fixture.h"
#include "icl/function_learners.h"
#include "icl/prompting_strategies.h"

namespace arzoo::icl {
namespace {

std::unique_ptr<GargGpt2> open_gpt2(const ParityCase& fixture) {
  auto learner =
      std::make_unique<GargGpt2>(options_among<GargGpt2Options>(fixture.config),
                                 whole_number(fixture, "n_dims"), whole_number(fixture, "n_positions"));
  fixture.load(*learner, fixture.weights());
  return learner;
}

void replay_forward(const ParityCase& fixture, GargGpt2& learner, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto &xs = fixture.input("xs"), &ys = fixture.input("ys");
  const auto tokens = GargGpt2::interleaved(xs, ys);
  nn::DecoderTrace trace;
  report.check("zs", tokens);
  report.check("embeds", learner.embedded(tokens));
  report.check("final_hidden", learner.hidden(tokens, &trace));
  for (std::size_t block = 0; block + 1 < trace.hidden.size(); ++block) {
    const auto name = fmt::format("hidden_after_block{}", block);
    if (fixture.io.contains(name)) report.check(name, trace.hidden[block + 1]);
  }
  const auto predicted = learner.predict(xs, ys);
  const auto errors = (predicted - ys).square();
  report.check("pred", predicted);
  report.check("pred_inds", predicted.index_select(1, fixture.input("inds")));
  report.check("squared_error", errors);
  report.check("normalised_error", errors.mean(0) / static_cast<double>(xs.size(2)));
}

void replay_training(const ParityCase& fixture, GargGpt2& learner, ParityReport& report) {
  runtime::TrainingOptions options;
  options.learning_rate = real_number(fixture, "lr");
  options.lradj = "constant";
  const auto curriculum = fixture.config.at("curriculum").as<CurriculumOptions>();
  const int64_t dims = whole_number(fixture, "n_dims"), points = whole_number(fixture, "n_positions"),
                steps = fixture.io.at("losses").size(0);
  std::vector<int64_t> schedule;
  const auto loss = [&](int64_t step) -> runtime::Losses {
    const auto used = curriculum.points.at(step, points);
    schedule.insert(schedule.end(), {curriculum.dims.at(step, dims), used});
    const auto& xs = fixture.input(fmt::format("xs{}", step));
    const auto ys = linear_values(xs, fixture.input(fmt::format("w{}", step)));
    report.check_value(fmt::format("ys{}", step), ys, fixture.input(fmt::format("ys{}", step)),
                       fixture.tolerance);
    return {learner.loss(xs, ys)};
  };
  const auto log =
      runtime::replay_training({.model = learner, .options = options, .steps = steps, .loss = loss});
  report.check("losses", at::tensor(log.losses, at::kDouble));
  report.check("schedule", at::tensor(schedule, at::kLong).view({-1, 2}));
  check_trained(learner, fixture, report);
}

void replay_strategies(const ParityCase& fixture, GargGpt2& learner, ParityReport& report) {
  const torch::NoGradGuard no_grad;
  const auto& w = fixture.input("w");
  const auto value = [&](const at::Tensor& xs) { return linear_values(xs, w); };
  const auto predict = [&](const at::Tensor& xs, const at::Tensor& ys) { return learner.predict(xs, ys); };
  for (const auto& name : strategies()) {
    if (!fixture.has_input(name + ".xs")) continue;
    StrategyPoints points{fixture.input(name + ".xs"), {}};
    if (fixture.has_input(name + ".xs_p")) points.queries = fixture.input(name + ".xs_p");
    const auto errors = strategy_errors(predict, points, value);
    const auto curve = error_curve(errors, 0);
    report.check(name + ".metrics", errors);
    report.check(name + ".mean", curve.mean);
    report.check(name + ".std", curve.stddev);
  }
  report.check("skew.transform", skewing(fixture.input("skew.U")));
}

/// The options of a case, which may say in words what its activation is: "gelu (tanh approximation)".
AkyurekOptions akyurek_options(const ParityCase& fixture) {
  Json official = fixture.config.json();
  if (fixture.config.has("activation_fn")) {
    const auto text = fixture.config.text("activation_fn");
    official["activation_fn"] = text.substr(0, text.find(' '));
  }
  return options_among<AkyurekOptions>(Config(std::move(official), fixture.config.name()));
}

}  // namespace

void replay_gpt2(const ParityCase& fixture, ParityReport& report) {
  const auto learner = open_gpt2(fixture);
  if (fixture.config.has("curriculum")) return replay_training(fixture, *learner, report);
  if (fixture.has_input("xs")) return replay_forward(fixture, *learner, report);
  replay_strategies(fixture, *learner, report);
}

void replay_function_classes(const ParityCase& fixture, ParityReport& report) {
  const auto options = options_among<FunctionOptions>(fixture.config);
  const auto &xs = fixture.input("xs"), &w = fixture.input("w");
  const auto sparse = sparse_weights(w, fixture.input("perm"), options.sparsity);
  report.check("ys_linear", linear_values(xs, w, options.scale));
  report.check("ys_quadratic", quadratic_values(xs, w));
  report.check("ys_class", sign_values(xs, w));
  report.check("ys_noisy", noisy_values(linear_values(xs, w), options.noise_std * fixture.input("noise"),
                                        options.n_dims, /*renormalise=*/true));
  report.check("w_sparse", sparse);
  report.check("ys_sparse", linear_values(xs, sparse));
  report.check("ys_tree", tree_values(xs, fixture.input("dt_tensor"), fixture.input("target_tensor")));
}

void replay_akyurek(const ParityCase& fixture, ParityReport& report) {
  const auto options = akyurek_options(fixture);
  AkyurekCausalLm learner(options, whole_number(fixture, "x_dim"), whole_number(fixture, "max_len"));
  fixture.load(learner, fixture.weights());
  const auto& rows = fixture.input("seq");
  const auto ys = rows.slice(1, 1, c10::nullopt, 2).select(2, 0);
  const auto xs = rows.slice(1, 0, c10::nullopt, 2).narrow(2, 1, rows.size(2) - 1);
  {
    const torch::NoGradGuard no_grad;
    nn::DecoderTrace trace;
    const auto predicted = learner.predict_rows(rows, &trace);
    report.check("seq_pred", predicted);
    report.check("errors", learner.errors(rows, predicted));
    const auto y_predicted = learner.predict(xs, ys);
    report.check("y_pred", y_predicted.unsqueeze(-1));
    report.check("y_errors", (y_predicted - ys).square());
    for (std::size_t i = 0; i < trace.hidden.size(); ++i)
      report.check(fmt::format("hidden{}", i), trace.hidden[i]);
    for (std::size_t i = 0; i < trace.blocks.size(); ++i)
      report.check(fmt::format("attn{}", i), trace.blocks[i].attention);
  }
  if (!fixture.io.contains("train_losses")) return;
  // A case may leave the official recipe unsaid.
  runtime::TrainingOptions training;
  training.optimizer = "adamw";
  training.learning_rate = real_number(fixture, "learning_rate", 1e-4);
  training.betas = {real_number(fixture, "adam_b1", 0.9), real_number(fixture, "adam_b2", 0.98)};
  training.eps = real_number(fixture, "adam_eps", 1e-9);
  training.weight_decay = real_number(fixture, "weight_decay", 0.0);
  training.lradj = "constant";
  const auto log =
      runtime::replay_training({.model = learner,
                                .options = training,
                                .steps = fixture.io.at("train_losses").size(0),
                                .loss = [&](int64_t) -> runtime::Losses { return {learner.loss(xs, ys)}; }});
  report.check("train_losses", at::tensor(log.losses, at::kDouble));
  check_trained(learner, fixture, report);
}

}  // namespace arzoo::icl
