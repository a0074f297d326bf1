#include "forecast/parity/time_moe_parity.h"

#include <torch/torch.h>

#include "forecast/models/time_moe_model.h"
#include "forecast/parity/official_replay.h"
#include "forecast/parity/time_moe_data_parity.h"
#include "runtime/training_replay.h"

namespace arzoo::forecast {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

/// What the replays of one model share.
struct Replay {
  const ParityCase& fixture;
  ParityReport& report;
  TimeMoe& model;
  std::string prefix;  ///< of the outputs' names
  runtime::Tolerance tolerance;

  void check(const std::string& name, const at::Tensor& value) const {
    report.check(prefix + name, value, tolerance);
  }
  /// An intermediate result, which not every case keeps.
  void check_if_kept(const std::string& name, const at::Tensor& value) const {
    if (fixture.io.contains(prefix + name)) check(name, value);
  }
};

std::shared_ptr<TimeMoe> load_time_moe(const ParityCase& fixture, const runtime::NamedTensors& weights) {
  return official_model<TimeMoe>(fixture, weights, "Time-MoE");
}

at::Tensor input_if_any(const ParityCase& fixture, const std::string& name) {
  return fixture.has_input(name) ? fixture.input(name).clone() : at::Tensor();
}

std::vector<int64_t> integers(const Config& list) {
  std::vector<int64_t> values;
  list.read(values, {});
  return values;
}

at::Tensor type_of_model(const Replay& replay, const at::Tensor& values) {
  return values.to(replay.model.parameters().front().scalar_type());
}

void replay_prefill(const Replay& replay, const Config& params) {
  const c10::InferenceMode inference;
  TimeMoeInput input;
  input.values = type_of_model(replay, replay.fixture.input("input_ids"));
  input.attention_mask = input_if_any(replay.fixture, "attention_mask");
  const auto hidden = replay.model.states(input).hidden;
  // Once more with a trace, for which attention takes the official code's steps instead of a kernel's.
  runtime::Trace trace;
  input.trace = &trace;
  replay.model.states(input);
  for (const auto& [name, value] : trace) replay.check_if_kept(name, value);
  replay.check("final_norm_out", hidden);
  replay.check("logits.default", replay.model.logits(hidden, 0));
  for (const int64_t horizon : integers(params.at("max_horizon_lengths")))
    replay.check(fmt::format("logits.max_horizon_{}", horizon), replay.model.logits_within(hidden, horizon));
}

void check_steps(const Replay& replay, const std::string& tag, const std::vector<GenerationStep>& steps) {
  std::vector<int64_t> inputs, horizons, outputs;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    inputs.push_back(steps[i].input_len);
    horizons.push_back(steps[i].max_horizon);
    outputs.push_back(steps[i].output_len);
    const auto name = fmt::format("{}.step{}.", tag, i);
    replay.check_if_kept(name + "position_ids", steps[i].position_ids);
    replay.check_if_kept(name + "last_logits", steps[i].last_logits);
  }
  replay.check_if_kept(tag + ".step_input_len", at::tensor(inputs, at::kLong));
  replay.check_if_kept(tag + ".step_max_horizon", at::tensor(horizons, at::kLong));
  replay.check_if_kept(tag + ".step_output_len", at::tensor(outputs, at::kLong));
}

void replay_generate(const Replay& replay, const Config& params) {
  const c10::InferenceMode inference;
  for (const int64_t horizon : integers(params.at("horizons"))) {
    std::vector<GenerationStep> steps;
    const auto sequences = replay.model.generate(replay.fixture.input("input_ids"), horizon,
                                                 input_if_any(replay.fixture, "attention_mask"), &steps);
    const auto tag = fmt::format("h{}", horizon);
    replay.check(tag + ".sequences", sequences);
    check_steps(replay, tag, steps);
  }
}

/// The README's recipe.
void replay_forecast(const Replay& replay, const Config& params) {
  const c10::InferenceMode inference;
  int64_t horizon = 0;
  params.at("horizon").read(horizon, at_least(1));
  const auto series = replay.fixture.input("series");
  const auto mean = series.mean(1, /*keepdim=*/true);
  const auto stddev = series.std(1, /*unbiased=*/true, /*keepdim=*/true);
  const auto normed = (series - mean) / stddev;
  const auto ahead = replay.model.forecast_rows(normed, {}, horizon);
  replay.check("mean", mean);
  replay.check("std", stddev);
  replay.check("normed", normed);
  replay.check("normed_predictions", ahead);
  replay.check("predictions", ahead * stddev + mean);
}

/// The published folder, run in bfloat16 and in fp32.
void replay_published(const ParityCase& fixture, ParityReport& report) {
  const auto params = fixture.info.at("params");
  const auto weights = runtime::open_tensors(fixture.folder / "hub");
  runtime::Tolerance coarse;
  fixture.info.at("tolerance_bf16").at("rtol").read(coarse.rtol, {});
  fixture.info.at("tolerance_bf16").at("atol").read(coarse.atol, {});
  for (const bool half : {true, false}) {
    const auto model = load_time_moe(fixture, weights);
    if (half) model->to(at::kBFloat16);
    const Replay replay{fixture, report, *model, half ? "bf16." : "fp32.", half ? coarse : fixture.tolerance};
    replay_prefill(replay, params.at("prefill"));
    replay_generate(replay, params.at("generate"));
  }
}

void replay_loss(const Replay& replay, const Config& params) {
  const auto& fixture = replay.fixture;
  std::vector<int64_t> horizons = integers(fixture.config.at("horizon_lengths"));
  bool first = true;
  for (const auto& variant : params.at("variants").elements()) {
    const auto fields = variant.elements();
    const auto tag = fields.at(0).text();
    bool masked = false, padded = false;
    fields.at(1).read(masked, {});
    fields.at(2).read(padded, {});
    TimeMoeInput input;
    input.values = fixture.input("input_ids").clone();
    if (padded) input.attention_mask = fixture.input("attention_mask").clone();
    const auto loss = replay.model.official_loss(input, fixture.input("labels").clone(),
                                                 masked ? fixture.input("loss_masks").clone() : at::Tensor());
    replay.check(tag + ".loss", loss.total);
    replay.check(tag + ".logits", loss.first_logits);
    for (std::size_t head = 0; head < horizons.size(); ++head)
      replay.check(fmt::format("{}.ar_loss_h{}", tag, horizons[head]), loss.heads[head]);
    replay.check(tag + ".aux_loss", loss.balance);
    if (!first) continue;
    first = false;
    loss.total.backward();
    for (const auto& entry : replay.model.named_parameters())
      replay.check("grad." + entry.key(), entry.value().grad());
  }
}

runtime::TrainingOptions training_options(const Config& params) {
  runtime::TrainingOptions options;
  options.optimizer = "adamw";
  options.lradj = "cosine";
  options.no_weight_decay = {"*.bias"};
  params.at("learning_rate").read(options.learning_rate, {});
  params.at("min_learning_rate").read(options.min_learning_rate, {});
  params.at("adam_beta1").read(options.betas[0], {});
  params.at("adam_beta2").read(options.betas[1], {});
  params.at("adam_epsilon").read(options.eps, {});
  params.at("weight_decay").read(options.weight_decay, {});
  params.at("max_grad_norm").read(options.clip_grad_norm, {});
  return options;
}

void replay_time_moe_training(const Replay& replay, const Config& params) {
  const auto& fixture = replay.fixture;
  const auto options = training_options(params);
  int64_t steps = 0;
  params.at("steps").read(steps, at_least(1));
  TimeMoeInput input;
  input.values = fixture.input("input_ids").clone();
  const auto labels = fixture.input("labels").clone(), masks = fixture.input("loss_masks").clone();
  const auto loss = [&](int64_t) -> runtime::Losses {
    return {replay.model.official_loss(input, labels, masks).total};
  };
  replay.model.train();
  const auto log =
      runtime::replay_training({.model = replay.model, .options = options, .steps = steps, .loss = loss});
  replay.check("loss_per_step", at::tensor(log.losses, at::kDouble));
  replay.check("lr_per_step", at::tensor(log.learning_rates, at::kDouble));
  replay.check("grad_norm_per_step", at::tensor(log.gradient_norms, at::kDouble));
  replay.check("loss_after", loss(steps).total);
  for (const auto& [name, value] : runtime::state_dict(replay.model)) {
    replay.check_if_kept("final_norm." + name, value.norm());
    replay.check_if_kept("final." + name, value);
  }
}

using ReplayKind = void (*)(const Replay&, const Config& params);

ReplayKind kind_named(const std::string& kind) {
  if (kind == "prefill") return &replay_prefill;
  if (kind == "generate") return &replay_generate;
  if (kind == "forecast") return &replay_forecast;
  if (kind == "loss") return &replay_loss;
  if (kind == "train") return &replay_time_moe_training;
  return nullptr;
}

}  // namespace

void replay_time_moe(const ParityCase& fixture, ParityReport& report) {
  const auto kind = fixture.info.text("kind");
  if (kind == "dataset") return replay_time_moe_dataset(fixture.on_cpu(), report);
  if (kind == "bf16") return replay_published(fixture, report);
  const auto params = fixture.info.section("params");
  if (kind == "eval") {
    const bool run = fixture.io.contains("mse");
    const auto model = run ? load_time_moe(fixture, fixture.weights()) : nullptr;
    return replay_time_moe_evaluation(fixture, model.get(), report);
  }
  const auto replay_kind = kind_named(kind);
  if (replay_kind == nullptr) fixture.info.at("kind").reject(fmt::format("\"{}\" is of no known kind", kind));
  const auto model = load_time_moe(fixture, fixture.weights());
  replay_kind({fixture, report, *model, "", fixture.tolerance}, params);
}

}  // namespace arzoo::forecast
