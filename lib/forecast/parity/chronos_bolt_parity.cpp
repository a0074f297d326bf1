#include "forecast/parity/chronos_bolt_parity.h"

#include <torch/torch.h>

#include "forecast/models/chronos_bolt_model.h"
#include "forecast/parity/official_replay.h"
#include "runtime/training_replay.h"

namespace arzoo::forecast {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

std::shared_ptr<ChronosBolt> bolt_of(const ParityCase& fixture) {
  return official_model<ChronosBolt>(fixture, published_weights(fixture), "Chronos-Bolt");
}

void replay_bolt_call(const ParityCase& fixture, ParityReport& report, const ChronosBolt& model) {
  if (!fixture.has_input("context")) return;
  const auto context = fixture.input("context").clone();
  runtime::Trace trace;
  model.run(context, &trace);
  for (const auto& [name, value] : trace) report.inform(name, value);
  if (fixture.io.contains("forward")) report.check("forward", model.quantiles(context));
}

void replay_bolt_series(const ParityCase& fixture, ParityReport& report, const ChronosBolt& model) {
  const c10::InferenceMode inference;
  const auto params = fixture.info.section("params");
  const auto series = numbered_inputs(fixture, "series");
  const auto rows = left_padded_rows(series).to(fixture.device);
  const auto expects = [&](const std::string& name) { return fixture.io.contains(name); };
  for (const auto& entry : params.at("horizons").elements()) {
    int64_t horizon = 0;
    entry.read(horizon, at_least(1));
    report.check(fmt::format("h{}", horizon), model.unrolled(rows, horizon));
  }
  for (std::size_t i = 0; i < series.size(); ++i) {
    const auto name = fmt::format("alone.{}", i);
    if (expects(name))
      report.check(name, model.unrolled(series[i].unsqueeze(0), fixture.io.at(name).size(2)));
  }
  if (expects("levels")) {
    const auto by_step = model.unrolled(rows, fixture.io.at("levels").size(1)).transpose(1, 2);
    report.check("levels", bolt_levels(by_step, model.levels(), numbers_in(params.at("levels"))));
    if (expects("levels_mean"))
      report.check("levels_mean", bolt_levels(by_step, model.levels(), {0.5}).squeeze(-1));
  }
  if (expects("embed")) {
    const auto [tokens, scale] = model.embed(rows);
    report.check("embed", tokens);
    if (expects("loc")) report.check("loc", scale.loc.squeeze(-1));
    if (expects("scale")) report.check("scale", scale.scale.squeeze(-1));
  }
  replay_bolt_call(fixture, report, model);
}

void replay_bolt_training(const ParityCase& fixture, ParityReport& report, ChronosBolt& model) {
  const auto params = fixture.info.section("params");
  const auto context = fixture.input("context").clone(), target = fixture.input("target").clone();
  {
    const c10::InferenceMode inference;
    report.check("quantile_preds", model.quantiles(context));
  }
  auto options = official_tuning_options();
  if (params.has("lr")) params.at("lr").read(options.learning_rate, more_than(0));
  if (params.has("max_grad_norm")) params.at("max_grad_norm").read(options.clip_grad_norm, more_than(0));
  if (params.has("weight_decay")) params.at("weight_decay").read(options.weight_decay, {});
  model.train();
  const auto done = runtime::replay_training(
      {.model = model,
       .options = options,
       .steps = integer_of(params, "steps", 1),
       .loss = [&](int64_t) { return runtime::Losses{model.official_loss(context, target)}; },
       .on_gradients =
           [&](int64_t step) {
             if (step == 0) check_gradients(report, fixture, model);
           }});
  report.check("loss", at::tensor(done.losses, at::kDouble));
  report.check("grad_norm", at::tensor(done.gradient_norms, at::kDouble));
  for (const auto& [name, value] : runtime::state_dict(model)) {
    if (fixture.io.contains("final." + name)) report.check("final." + name, value);
  }
}

}  // namespace

void replay_chronos_bolt(const ParityCase& fixture, ParityReport& report) {
  const auto kind = fixture.info.text("kind");
  const auto model = bolt_of(fixture);
  if (kind == "predict") return replay_bolt_series(fixture, report, *model);
  if (kind == "train") return replay_bolt_training(fixture, report, *model);
  if (kind != "forward") fixture.info.at("kind").reject(fmt::format("\"{}\" is of no known kind", kind));
  const c10::InferenceMode inference;
  replay_bolt_call(fixture, report, *model);
}

}  // namespace arzoo::forecast
