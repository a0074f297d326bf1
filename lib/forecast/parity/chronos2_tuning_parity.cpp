#include "forecast/parity/chronos2_tuning_parity.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "forecast/models/chronos2_tuning.h"
#include "forecast/parity/official_replay.h"
#include "nn/lora.h"
#include "runtime/training_replay.h"

namespace arzoo::forecast {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

struct TuningReplay {
  const ParityCase& fixture;
  ParityReport& report;
  std::shared_ptr<Chronos2> model;
  Config params;
};

bool expects(const TuningReplay& replay, const std::string& name) { return replay.fixture.io.contains(name); }

/// The series of a fine-tuning case: one target, past-only and known covariates by what their meaning says.
std::vector<ZeroShotSeries> tuning_series(const ParityCase& fixture) {
  std::vector<ZeroShotSeries> all;
  for (int64_t i = 0; fixture.has_input(fmt::format("series.{}.target", i)); ++i) {
    const auto prefix = fmt::format("series.{}.", i);
    ZeroShotSeries series;
    series.unique_id = std::to_string(i);
    for (const auto& [name, entry] : fixture.info.at("inputs").members()) {
      if (!name.starts_with(prefix)) continue;
      const auto values = fixture.input(name).clone().cpu();
      if (name == prefix + "target") {
        series.targets = values.dim() == 1 ? values.unsqueeze(0) : values;
        continue;
      }
      const bool known = entry.text("meaning").find("known-future") != std::string::npos;
      ZeroShotCovariate covariate{name.substr(prefix.size()), known, values, {}, {}, {}, {}};
      if (known) covariate.future = at::empty({0});
      series.covariates.push_back(std::move(covariate));
    }
    all.push_back(std::move(series));
  }
  return all;
}

/// The recorded numbers, which are asked for in the order in which they were generated.
RandomInteger recorded_numbers(const at::Tensor& draws) {
  const auto numbers = draws.cpu().to(at::kLong).contiguous();
  return [numbers, next = int64_t{0}](int64_t low, int64_t high) mutable {
    if (next >= numbers.numel())
      fail<CheckpointError>("draws: more numbers were asked for than were recorded");
    const auto number = numbers[next++].item<int64_t>();
    if (number < low || number >= high)
      fail<CheckpointError>("draws: {} is not in [{}, {})", number, low, high);
    return number;
  };
}

void check_final_weights(const TuningReplay& replay, const std::string& prefix,
                         const std::vector<runtime::NamedTensors::Entry>& entries) {
  for (const auto& [name, value] : entries) {
    if (expects(replay, prefix + name)) replay.report.check(prefix + name, value);
  }
}

/// "x.lora_A.weight" as peft names it while it trains: "x.lora_A.default.weight".
std::string while_training(std::string name) {
  const auto place = name.rfind(".weight");
  return name.insert(place, ".default");
}

std::vector<runtime::NamedTensors::Entry> trained_lora(const Chronos2& model) {
  auto entries = nn::lora_tensors(model);
  for (auto& entry : entries) entry.first = while_training(entry.first);
  return entries;
}

void add_recorded_lora(const TuningReplay& replay) {
  const auto alpha = static_cast<double>(integer_of(replay.params, "lora_alpha", 16));
  nn::LoraSizes sizes;
  sizes.r = integer_of(replay.params, "r", 8);
  sizes.scale = alpha / static_cast<double>(sizes.r);
  nn::add_lora(*replay.model, {std::begin(kChronos2LoraTargets), std::end(kChronos2LoraTargets)}, sizes,
               "target_modules");
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : trained_lora(*replay.model))
    at::Tensor(tensor).copy_(replay.fixture.input("init." + name));
}

void check_forecast_after(const TuningReplay& replay, const Chronos2& model, const at::Tensor& target) {
  const int64_t horizon = replay.fixture.io.at("forecast_after").size(2);
  const std::vector<Chronos2Rows> task{raw_rows(target, horizon)};
  Chronos2PredictOptions options;
  options.horizon = horizon;
  options.unroll.max_output_patches = model.options().chronos_config.max_output_patches;
  const c10::InferenceMode inference;
  replay.report.check("forecast_after", predict_rows(model, task, options, replay.fixture.device).front());
}

}  // namespace

void replay_chronos2_tuning(const ParityCase& fixture, ParityReport& report,
                            const std::shared_ptr<Chronos2>& model) {
  const TuningReplay replay{fixture, report, model, fixture.info.section("params")};
  const auto& params = replay.params;
  const auto series = tuning_series(replay.fixture);
  TuningOptions options;
  options.horizon = integer_of(params, "prediction_length", 1);
  options.min_past = integer_of(params, "min_past", options.horizon);
  options.batch_size = integer_of(params, "batch_size", 256);
  options.context_length = replay.model->context_length();
  const bool lora = params.text("mode") == "lora";
  if (lora) add_recorded_lora(replay);
  const TuningWindows windows(series, options);
  const auto numbers = recorded_numbers(replay.fixture.input("draws"));
  auto training = official_tuning_options();
  training.lradj = "linear";
  params.at("learning_rate").read(training.learning_rate, more_than(0));
  replay.model->train();
  const auto loss = [&](int64_t step) -> runtime::Losses {
    auto batch = windows.random_batch(numbers);
    const auto tag = fmt::format("step.{}.", step);
    const auto same = [&](const std::string& name, const at::Tensor& value) {
      if (expects(replay, tag + name)) check_with_gaps(replay.report, replay.fixture, tag + name, value);
    };
    same("context", batch.input.context);
    same("future_target", batch.target);
    const auto& future = batch.input.future_covariates;
    same("future_covariates", future.defined() ? future : at::full_like(batch.target, NAN));
    same("group_ids", batch.input.group_ids);
    batch.input.output_patches = (options.horizon + replay.model->patch() - 1) / replay.model->patch();
    for (auto* tensor :
         {&batch.input.context, &batch.input.group_ids, &batch.input.future_covariates, &batch.target})
      if (tensor->defined()) *tensor = tensor->to(replay.fixture.device);
    return {replay.model->official_loss(batch.input, batch.target)};
  };
  const auto done = runtime::replay_training({.model = *replay.model,
                                              .options = training,
                                              .steps = integer_of(params, "num_steps", 1),
                                              .loss = loss});
  for (std::size_t step = 0; step < done.losses.size(); ++step)
    replay.report.check(fmt::format("loss.{}", step), at::scalar_tensor(done.losses[step], at::kDouble));
  replay.report.check("grad_norm", at::tensor(done.gradient_norms, at::kDouble));
  replay.report.check("lr", at::tensor(done.learning_rates, at::kDouble));
  check_final_weights(replay, "final.",
                      lora ? trained_lora(*replay.model) : runtime::state_dict(*replay.model).entries());
  replay.model->eval();
  if (expects(replay, "forecast_after")) check_forecast_after(replay, *replay.model, series.front().targets);
  if (lora && nn::is_lora_adapter(replay.fixture.folder / "adapter")) {
    const auto adapter = nn::LoraAdapter::open(replay.fixture.folder / "adapter");
    const auto merged = chronos2_of(replay.fixture, adapter.merged_into(replay.fixture.weights()));
    check_forecast_after(replay, *merged, series.front().targets);
  }
}

}  // namespace arzoo::forecast
