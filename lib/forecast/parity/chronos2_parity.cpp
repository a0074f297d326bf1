#include "forecast/parity/chronos2_parity.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "forecast/models/chronos2_prediction.h"
#include "forecast/parity/chronos2_table_parity.h"
#include "forecast/parity/chronos2_tuning_parity.h"
#include "forecast/parity/official_replay.h"
#include "forecast/scores/quantile_levels.h"

namespace arzoo::forecast {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

/// What the replays of one case share.
struct Chronos2Replay {
  const ParityCase& fixture;
  ParityReport& report;
  std::shared_ptr<Chronos2> model;
  Config params;

  bool expects(const std::string& name) const { return fixture.io.contains(name); }
  int64_t length_of(const std::string& name, int64_t axis) const { return fixture.io.at(name).size(axis); }
  Chronos2PredictOptions options(int64_t horizon) const {
    Chronos2PredictOptions options;
    options.horizon = horizon;
    options.unroll.max_output_patches = model->options().chronos_config.max_output_patches;
    return options;
  }
  std::vector<at::Tensor> predict(std::span<const Chronos2Rows> tasks,
                                  const Chronos2PredictOptions& options) const {
    return predict_rows(*model, tasks, options, fixture.device);
  }
};

at::Tensor clone_if_any(const ParityCase& fixture, const std::string& name) {
  return fixture.has_input(name) ? fixture.input(name).clone() : at::Tensor();
}

/// The whole call and, with gradients, its loss.
void replay_grouped_call(const Chronos2Replay& replay, Chronos2Input input) {
  const auto& fixture = replay.fixture;
  {
    const c10::InferenceMode inference;
    const auto output = replay.model->run(input);
    replay.report.check("loc", output.scale.loc);
    replay.report.check("scale", output.scale.scale);
    replay.report.check("quantile_preds", replay.model->quantiles(input));
    runtime::Trace trace;
    input.trace = &trace;
    replay.model->run(input);
    input.trace = nullptr;
    for (const auto& [name, value] : trace) replay.report.inform(name, value);
  }
  if (!fixture.has_input("future_target")) return;
  const auto loss = replay.model->official_loss(input, fixture.input("future_target"));
  replay.report.check("loss", loss);
  loss.backward();
  check_gradients(replay.report, fixture, *replay.model);
}

void replay_model_call(const Chronos2Replay& replay) {
  const auto& fixture = replay.fixture;
  Chronos2Input input;
  input.context = fixture.input("context").clone();
  input.group_ids = clone_if_any(fixture, "group_ids");
  input.future_covariates = clone_if_any(fixture, "future_covariates");
  input.output_patches = integer_of(replay.params, "num_output_patches", 1);
  replay_grouped_call(replay, input);
  const c10::InferenceMode inference;
  const auto patches_in = [&](const std::string& name) {
    return replay.length_of(name, 2) / replay.model->patch();
  };
  if (replay.expects("independent.quantile_preds")) {
    auto alone = input;
    alone.group_ids = at::Tensor();
    replay.report.check("independent.quantile_preds", replay.model->quantiles(alone));
  }
  if (replay.expects("masked.quantile_preds")) {
    Chronos2Input masked;
    masked.context = input.context;
    masked.context_mask = fixture.input("context_mask").clone();
    masked.output_patches = patches_in("masked.quantile_preds");
    replay.report.check("masked.quantile_preds", replay.model->quantiles(masked));
  }
  if (replay.expects("long.quantile_preds")) {
    Chronos2Input whole;
    whole.context = fixture.input("long_context").clone();
    whole.group_ids = at::zeros({whole.context.size(0)}, input.group_ids.options());
    whole.output_patches = patches_in("long.quantile_preds");
    replay.report.check("long.quantile_preds", replay.model->quantiles(whole));
  }
}

std::vector<Chronos2Rows> raw_tasks(const std::vector<at::Tensor>& series, int64_t horizon) {
  std::vector<Chronos2Rows> tasks;
  for (const auto& one : series) tasks.push_back(raw_rows(one, horizon));
  return tasks;
}

/// The series of which the case expects PREFIX.0, PREFIX.1, …, predicted together and compared.
void replay_variant(const Chronos2Replay& replay, const std::vector<at::Tensor>& series,
                    const std::string& prefix, const std::function<void(Chronos2PredictOptions&)>& change) {
  std::vector<at::Tensor> chosen;
  for (std::size_t i = 0; i < series.size() && replay.expects(fmt::format("{}.{}", prefix, i)); ++i)
    chosen.push_back(series[i]);
  if (chosen.empty()) return;
  const int64_t horizon = replay.length_of(prefix + ".0", -1);
  auto options = replay.options(horizon);
  change(options);
  const auto found = replay.predict(raw_tasks(chosen, horizon), options);
  for (std::size_t i = 0; i < found.size(); ++i)
    replay.report.check(fmt::format("{}.{}", prefix, i), found[i]);
}

void replay_levels(const Chronos2Replay& replay, const std::vector<at::Tensor>& series) {
  if (!replay.params.has("levels")) return;
  const auto levels = numbers_in(replay.params.at("levels"));
  for (std::size_t i = 0; i < series.size(); ++i) {
    const auto name = fmt::format("levels.{}", i);
    if (!replay.expects(name)) continue;
    const int64_t horizon = replay.length_of(name, 1);
    const std::vector<Chronos2Rows> task{raw_rows(series[i], horizon)};
    const auto by_step = replay.predict(task, replay.options(horizon)).front().transpose(1, 2);
    replay.report.check(name, interpolated_levels(by_step, replay.model->levels(), levels));
    replay.report.check(fmt::format("levels_mean.{}", i),
                        interpolated_levels(by_step, replay.model->levels(), {0.5}).squeeze(-1));
  }
}

void replay_embeddings(const Chronos2Replay& replay, const std::vector<at::Tensor>& series) {
  std::vector<Chronos2Rows> tasks;
  for (std::size_t i = 0; i < series.size() && replay.expects(fmt::format("embed.{}", i)); ++i)
    tasks.push_back(raw_rows(series[i], 1));
  if (tasks.empty()) return;
  std::vector<const Chronos2Rows*> members;
  for (const auto& task : tasks) members.push_back(&task);
  auto input = chronos2_batch(members, replay.model->context_length(), false);
  input.context = input.context.to(replay.fixture.device);
  input.group_ids = input.group_ids.to(replay.fixture.device);
  const auto embedding = replay.model->embed(input);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    replay.report.check(fmt::format("embed.{}", i), embedding.tokens.narrow(0, row, 1));
    replay.report.check(fmt::format("embed_loc.{}", i), embedding.scale.loc.narrow(0, row, 1));
    replay.report.check(fmt::format("embed_scale.{}", i), embedding.scale.scale.narrow(0, row, 1));
  }
}

void replay_raw_series(const Chronos2Replay& replay) {
  const c10::InferenceMode inference;
  const auto series = numbered_inputs(replay.fixture, "series");
  const auto& params = replay.params;
  const auto unchanged = [](Chronos2PredictOptions&) {};
  for (const auto& entry : params.at("horizons").elements()) {
    int64_t horizon = 0;
    entry.read(horizon, at_least(1));
    const auto prefix = fmt::format("h{}", horizon);
    replay_variant(replay, series, prefix, unchanged);
    if (!replay.expects(prefix + ".multi")) continue;
    const std::vector<Chronos2Rows> task{raw_rows(replay.fixture.input("multi.0"), horizon)};
    replay.report.check(prefix + ".multi", replay.predict(task, replay.options(horizon)).front());
  }
  replay_variant(replay, series, "cross", [&](Chronos2PredictOptions& options) {
    options.cross_learning = true;
    options.batch_size = integer_of(params.section("cross"), "batch_size", options.batch_size);
  });
  replay_variant(replay, series, "short_context", [&](Chronos2PredictOptions& options) {
    options.context_length = integer_of(params, "short_context", replay.model->context_length());
  });
  replay_variant(replay, series, "unrolled3", [&](Chronos2PredictOptions& options) {
    options.unroll.levels = numbers_in(params.at("unrolled3"));
  });
  replay_variant(replay, series, "one_patch",
                 [](Chronos2PredictOptions& options) { options.unroll.max_output_patches = 1; });
  replay_levels(replay, series);
  replay_embeddings(replay, series);
}

/// A JSON list of categories: texts, booleans (as Python writes them) and null.
std::vector<int32_t> codes_of(const Config& list, ZeroShotCovariate& covariate) {
  std::vector<int32_t> codes;
  for (const auto& cell : list.elements()) {
    const auto& value = cell.json();
    if (value.is_null()) {
      codes.push_back(-1);
      continue;
    }
    const auto text = value.is_boolean()  ? (value.get<bool>() ? "True" : "False")
                      : value.is_string() ? value.get<std::string>()
                                          : dump_json(value);
    auto found = std::find(covariate.categories.begin(), covariate.categories.end(), text);
    if (found == covariate.categories.end()) found = covariate.categories.insert(found, text);
    codes.push_back(static_cast<int32_t>(found - covariate.categories.begin()));
  }
  return codes;
}

/// Task TAG.i of a case with covariates, which stand in the order of their names.
ZeroShotSeries series_of_task(const ParityCase& fixture, const std::string& tag, const Config& task) {
  std::map<std::string, ZeroShotCovariate> covariates;
  for (const auto& [name, tensor] : fixture.io) {
    for (const char* part : {"past.", "future."}) {
      const auto prefix = tag + "." + part;
      if (!name.starts_with(prefix)) continue;
      auto& covariate = covariates[name.substr(prefix.size())];
      (part[0] == 'p' ? covariate.past : covariate.future) = tensor.clone().cpu();
      covariate.known_ahead = covariate.known_ahead || part[0] == 'f';
    }
  }
  for (const auto& [name, list] : task.section("categorical").members()) {
    const bool past = name.starts_with("past.");
    auto& covariate = covariates[name.substr(name.find('.') + 1)];
    (past ? covariate.past_codes : covariate.future_codes) = codes_of(list, covariate);
    covariate.known_ahead = covariate.known_ahead || !past;
  }
  const auto targets = fixture.input(tag + ".target").clone().cpu();
  ZeroShotSeries series{tag, targets.dim() == 1 ? targets.unsqueeze(0) : targets, {}};
  for (auto& [name, covariate] : covariates) {
    covariate.name = name;
    series.covariates.push_back(std::move(covariate));
  }
  return series;
}

void check_rows(const Chronos2Replay& replay, const std::string& tag, const std::string& context,
                const std::string& future, const Chronos2Rows& rows) {
  if (replay.expects(tag + context))
    check_with_gaps(replay.report, replay.fixture, tag + context, rows.context);
  if (replay.expects(tag + future)) check_with_gaps(replay.report, replay.fixture, tag + future, rows.future);
}

void replay_covariates(const Chronos2Replay& replay) {
  const c10::InferenceMode inference;
  for (const auto& [group, params] : replay.params.members()) {
    if (!params.json().is_object() || !params.has("tasks")) continue;
    const int64_t horizon = integer_of(params, "horizon", 1);
    std::vector<ZeroShotSeries> series;
    for (std::size_t i = 0; i < params.at("tasks").size(); ++i)
      series.push_back(
          series_of_task(replay.fixture, fmt::format("{}.{}", group, i), params.at("tasks").element(i)));
    ZeroShotRequest request;
    request.horizon = horizon;
    check_series(series, request);
    const auto tasks = chronos2_rows(series, horizon), ordinal = chronos2_rows(series, horizon, false);
    auto options = replay.options(horizon);
    const auto found = replay.predict(tasks, options);
    options.cross_learning = true;
    const auto crossed = replay.predict(tasks, options);
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const auto tag = fmt::format("{}.{}.", group, i);
      check_rows(replay, tag, "context", "future_covariates", tasks[i]);
      check_rows(replay, tag, "ordinal_context", "ordinal_future", ordinal[i]);
      replay.report.check(tag + "quantiles", found[i]);
      if (replay.expects(tag + "cross")) replay.report.check(tag + "cross", crossed[i]);
    }
  }
}

/// The published folder of a case, where it has one, else the weights beside it.
}  // namespace

std::shared_ptr<Chronos2> chronos2_of(const ParityCase& fixture, const runtime::NamedTensors& weights) {
  return official_model<Chronos2>(fixture, weights, "Chronos-2");
}

Chronos2Rows raw_rows(const at::Tensor& series, int64_t horizon) {
  const auto rows = (series.dim() == 1 ? series.unsqueeze(0) : series).cpu();
  return {rows, at::full({rows.size(0), horizon}, NAN), rows.size(0), 0};
}

void replay_chronos2(const ParityCase& fixture, ParityReport& report) {
  const auto kind = fixture.info.text("kind");
  const Chronos2Replay replay{fixture, report, chronos2_of(fixture, published_weights(fixture)),
                              fixture.info.section("params")};
  if (kind == "forward") return replay_model_call(replay);
  if (kind == "train") return replay_chronos2_tuning(fixture, report, replay.model);
  if (kind != "predict") fixture.info.at("kind").reject(fmt::format("\"{}\" is of no known kind", kind));
  if (replay.params.has("horizons")) return replay_raw_series(replay);
  if (std::filesystem::exists(fixture.folder / "past.csv") ||
      std::filesystem::exists(fixture.folder / "multi.csv"))
    return replay_chronos2_tables(fixture, report, *replay.model);
  replay_covariates(replay);
}

}  // namespace arzoo::forecast
