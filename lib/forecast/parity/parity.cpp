#include "forecast/parity/parity.h"

#include <torch/torch.h>

#include <set>

#include "forecast/models/chronos2.h"
#include "forecast/models/chronos_bolt.h"
#include "forecast/models/timesfm.h"
#include "forecast/next_token_forecaster.h"
#include "forecast/parity/chronos2_parity.h"
#include "forecast/parity/chronos_bolt_parity.h"
#include "forecast/parity/data_parity.h"
#include "forecast/parity/time_moe_parity.h"
#include "forecast/parity/timesfm_parity.h"
#include "forecast/zoo.h"
#include "runtime/training_replay.h"

namespace arzoo::forecast {
namespace {

ForecastBatch inputs_of(const runtime::ParityCase& fixture) {
  ForecastBatch batch;
  const auto take = [&](const char* name, at::Tensor& to) {
    if (fixture.has_input(name)) to = fixture.input(name).clone();
  };
  take("x", batch.x_enc);
  take("x_enc", batch.x_enc);
  take("x_mark_enc", batch.x_mark_enc);
  take("x_dec", batch.x_dec);
  take("x_mark_dec", batch.x_mark_dec);
  take("target", batch.target);
  return batch;
}

/// The random inputs that the case recorded under `prefix`, named as the models ask for them.
runtime::NamedTensors random_inputs_of(const runtime::ParityCase& fixture, const std::string& prefix) {
  runtime::NamedTensors random_inputs(fixture.name);
  for (const auto& [name, tensor] : fixture.io) {
    if (name.starts_with(prefix + "index_sample.")) random_inputs.add(name.substr(prefix.size()), tensor);
  }
  return random_inputs;
}

/// Discrete choices of a pass: a result of the case like its outputs.
bool is_choice(const std::string& name) { return name.starts_with("delays.") || name.starts_with("topq."); }

/// Auto-correlation shares its delays in training mode only, which a recorded pass shows by their shape.
bool was_in_training_mode(const runtime::ParityCase& fixture) {
  for (const auto& [name, tensor] : fixture.io) {
    if (name.starts_with("delays.")) return tensor.dim() == 1;
  }
  return false;
}

std::shared_ptr<Forecaster> model_of(const runtime::ParityCase& fixture, const ForecastBatch& batch) {
  const auto official =
      read_official_config(fixture.config, batch.x_mark_enc.defined() ? batch.x_mark_enc.size(2) : 0);
  auto model = build(official.model, official.shape);
  fixture.load(*model, fixture.weights());
  return model;
}

/// What the official module returns: the forecast, or the next tokens of the whole window.
at::Tensor official_output(Forecaster& model, const ForecastBatch& batch) {
  auto* next_token = dynamic_cast<NextTokenForecaster*>(&model);
  return next_token != nullptr ? next_token->next_tokens(batch) : model.forecast(batch);
}

/// The loss against the case's target, which for next tokens is the whole window, one token on.
runtime::Losses official_loss(Forecaster& model, ForecastBatch batch) {
  if (const auto* next_token = dynamic_cast<NextTokenForecaster*>(&model)) {
    const int64_t token = next_token->token_len();
    batch.target = batch.target.narrow(1, batch.target.size(1) - token, token);
  }
  return model.loss(batch);
}

/// The roll-out and the loss, where the case has them.
void replay_further_outputs(const runtime::ParityCase& fixture, Forecaster& model, const ForecastBatch& batch,
                            runtime::ParityReport& report) {
  const c10::InferenceMode inference;
  auto* next_token = dynamic_cast<NextTokenForecaster*>(&model);
  if (next_token != nullptr && fixture.io.contains("ar_output"))
    report.check("ar_output", next_token->roll_out(batch, fixture.io.at("ar_output").size(1)));
  if (fixture.io.contains("loss") && batch.target.defined()) {
    report.check("loss", official_loss(model, batch).total.expand_as(fixture.io.at("loss")));
  }
  if (fixture.io.contains("output_no_marks")) {
    auto without = batch;
    without.x_mark_enc = without.x_mark_dec = at::Tensor();
    report.check("output_no_marks", official_output(model, without));
  }
}

void replay_forward(const runtime::ParityCase& fixture, runtime::ParityReport& report) {
  auto batch = inputs_of(fixture);
  const auto random_inputs = random_inputs_of(fixture, "");
  if (!random_inputs.empty()) batch.random_inputs = &random_inputs;
  const auto model = model_of(fixture, batch);
  model->train(was_in_training_mode(fixture));
  {
    const c10::InferenceMode inference;
    report.check("output", official_output(*model, batch));
  }
  replay_further_outputs(fixture, *model, batch, report);
  // Once more under autograd: training takes other kernels, and must agree.
  runtime::Trace trace;
  batch.trace = &trace;
  report.check("output", official_output(*model, batch));
  for (const auto& [name, value] : trace) {
    if (is_choice(name)) {
      report.check(name, value);
    } else {
      report.inform(name, value);
    }
  }
}

struct TrainingTolerance {
  runtime::Tolerance usual;
  double noise_atol = 0.0;
  std::set<std::string> noise;  ///< parameters whose gradient is zero but for rounding
};

/// The first gradients: whole, or their norms in case.json.
void check_gradients(const runtime::ParityCase& fixture, const TrainingTolerance& tolerance,
                     const Forecaster& model, runtime::ParityReport& report) {
  const auto norms = fixture.info.section("grad0_l2");
  const bool in_norms = fixture.info.has("grad0_l2");
  for (const auto& entry : model.named_parameters()) {
    const auto& gradient = entry.value().grad();
    if (!gradient.defined()) continue;
    if (fixture.io.contains("grad." + entry.key())) report.check("grad." + entry.key(), gradient);
    if (!in_norms) continue;
    double norm = 0.0;
    norms.at(entry.key()).read(norm, {});
    auto allowed = fixture.tolerance;
    if (tolerance.noise.contains(entry.key())) allowed.atol = tolerance.noise_atol;
    report.check_value("grad0_l2." + entry.key(), gradient.norm().item<double>(), norm, allowed);
  }
}

TrainingTolerance training_tolerance(const runtime::ParityCase& fixture) {
  TrainingTolerance tolerance{fixture.tolerance, 0.0, {}};
  if (!fixture.info.has("final_tolerance")) return tolerance;
  const auto section = fixture.info.section("final_tolerance");
  section.at("rtol").read(tolerance.usual.rtol, {});
  section.at("atol").read(tolerance.usual.atol, {});
  section.at("noise_gradient_parameters_atol").read(tolerance.noise_atol, {});
  std::vector<std::string> names;
  fixture.info.at("noise_gradient_parameters").read(names, {});
  tolerance.noise.insert(names.begin(), names.end());
  return tolerance;
}

/// The case's optimiser, and the run that it is the beginning of; 0: it is the whole run.
struct TrainingPlan {
  runtime::TrainingOptions options;
  int64_t steps_per_epoch = 0, total_steps = 0;
};

/// The rate is config.json's or case.json's; a case that names its highest rate has the one-cycle schedule.
TrainingPlan training_plan(const runtime::ParityCase& fixture) {
  TrainingPlan plan;
  auto& options = plan.options;
  options.lradj = "constant";
  const auto params = fixture.info.section("params");
  const auto read = [](const Config& from, const char* key, auto& value, const Rule& rule) {
    if (from.has(key)) from.at(key).read(value, rule);
  };
  read(fixture.config, "learning_rate", options.learning_rate, more_than(0));
  read(params, "lr", options.learning_rate, more_than(0));
  if (!params.has("max_lr")) return plan;
  options.lradj = "one_cycle";
  int64_t epochs = 1;
  read(params, "max_lr", options.learning_rate, more_than(0));
  read(params, "pct_start", options.pct_start, between(0, 1));
  read(params, "steps_per_epoch", plan.steps_per_epoch, between(1, runtime::TrainingOptions::kMostBatches));
  read(params, "epochs", epochs, between(1, runtime::TrainingOptions::kMostEpochs));
  plan.total_steps = epochs * plan.steps_per_epoch;
  return plan;
}

/// The buffers that the case recorded under `prefix`.
void check_buffers(const runtime::ParityCase& fixture, const std::string& prefix, const Forecaster& model,
                   runtime::ParityReport& report) {
  for (const auto& buffer : model.named_buffers()) {
    if (fixture.io.contains(prefix + buffer.key())) report.check(prefix + buffer.key(), buffer.value());
  }
}

/// The output of a training step's pass, without the step's effect on running statistics.
at::Tensor output_before(Forecaster& model, const ForecastBatch& batch) {
  const torch::NoGradGuard no_grad;
  std::vector<at::Tensor> kept;
  for (const auto& buffer : model.buffers()) kept.push_back(buffer.clone());
  const auto output = official_output(model, batch);
  const auto buffers = model.buffers();
  for (std::size_t i = 0; i < buffers.size(); ++i) at::Tensor(buffers[i]).copy_(kept[i]);
  return output;
}

void replay_training(const runtime::ParityCase& fixture, runtime::ParityReport& report) {
  auto batch = inputs_of(fixture);
  const auto model = model_of(fixture, batch);
  model->train();
  const auto tolerance = training_tolerance(fixture);
  const auto plan = training_plan(fixture);
  const auto loss = [&](int64_t step) {
    const auto random_inputs = random_inputs_of(fixture, fmt::format("step{}.", step));
    auto own = batch;
    if (!random_inputs.empty()) own.random_inputs = &random_inputs;
    if (step == 0) {
      const auto output = output_before(*model, own);
      report.check("output_step0", output);
      // Of a target with all columns the last ones are compared, as many as the model forecasts.
      const int64_t surplus = batch.target.size(2) - output.size(2);
      if (surplus > 0) batch.target = batch.target.narrow(2, surplus, output.size(2));
      own.target = batch.target;
    }
    return official_loss(*model, own);
  };
  const auto after_step = [&](int64_t step, const runtime::Losses&) {
    if (step > 0) return;
    check_gradients(fixture, tolerance, *model, report);
    check_buffers(fixture, "after_step0.", *model, report);
  };
  const auto log = runtime::replay_training({.model = *model,
                                             .options = plan.options,
                                             .steps = fixture.io.at("loss").numel(),
                                             .total_steps = plan.total_steps,
                                             .steps_per_epoch = plan.steps_per_epoch,
                                             .loss = loss,
                                             .after_step = after_step});
  const auto check_numbers = [&](const char* name, const std::vector<double>& values) {
    if (fixture.io.contains(name)) report.check(name, at::tensor(values, at::kDouble));
  };
  check_numbers("loss", log.losses);
  check_numbers("lr", log.learning_rates);
  check_numbers("beta1", log.first_betas);
  for (const auto& [name, value] : runtime::state_dict(*model)) {
    if (!fixture.io.contains("final." + name)) continue;
    auto allowed = tolerance.usual;
    if (tolerance.noise.contains(name)) allowed.atol = tolerance.noise_atol;
    report.check("final." + name, value, allowed);
  }
}

}  // namespace

void replay(const runtime::ParityCase& fixture, runtime::ParityReport& report) {
  if (fixture.config.has("model_type") && fixture.config.text("model_type") == "time_moe")
    return replay_time_moe(fixture, report);
  const auto called = fixture.config.has("model") ? fixture.config.text("model") : std::string();
  if (Chronos2Options::describes(called, fixture.config)) return replay_chronos2(fixture, report);
  if (ChronosBoltOptions::describes(called, fixture.config)) return replay_chronos_bolt(fixture, report);
  if (called == TimesFmOptions::kName) return replay_timesfm(fixture, report);
  if (fixture.config.has("data")) return replay_data(fixture.on_cpu(), report);
  if (fixture.io.contains("loss") && fixture.io.contains("output_step0"))
    return replay_training(fixture, report);
  if (fixture.io.contains("output")) return replay_forward(fixture, report);
  fixture.info.reject(
      "a forecast fixture of an unknown kind (expected an output, a loss with output_step0, or a data set)");
}

}  // namespace arzoo::forecast
