#include "forecast/commands/auto_forecast.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "core/atomic_file.h"
#include "core/display_text.h"
#include "core/output_folder.h"
#include "forecast/baseline_cards.h"
#include "forecast/commands/deadline.h"
#include "forecast/commands/forecast_inputs.h"
#include "forecast/forecast_ensemble.h"
#include "forecast/forecast_model.h"
#include "forecast/greedy_ensemble.h"
#include "forecast/leaderboard.h"
#include "io/csv.h"
#include "io/series_fill.h"
#include "plan/run_config.h"
#include "runtime/metrics.h"

namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;
using Clock = Deadline::Clock;

constexpr int64_t kMostWindows = 5;
/// What a model must leave for those after it: the share of the time left that one training may take.
constexpr double kTrainingShare = 0.45;
constexpr double kLeastTraining = 5.0;  ///< seconds worth beginning a training for

double seconds_until(Clock::time_point end) {
  return std::chrono::duration<double>(end - Clock::now()).count();
}

/// The known data, and the stretches at its end that models are compared on.
struct Arena {
  std::vector<io::SeriesTable> tables;
  int64_t horizon = 1, windows = 0, season = 1;
  at::Tensor truth;  ///< [series, windows, horizon] double, NaN where nothing was measured
  at::Tensor scale;  ///< [series, 1, 1]: seasonal naive error before the first window, 1 where there is none

  std::vector<io::SeriesTable> before(int64_t window) const {
    std::vector<io::SeriesTable> known;
    for (const auto& table : tables)
      known.push_back(io::first_rows(table, table.rows() - static_cast<std::size_t>(window * horizon)));
    return known;
  }
};

/// As many windows as leave twice as many rows before them, or two seasons.
int64_t windows_to_compare(const Arena& arena, int64_t shortest) {
  const int64_t needed = std::max<int64_t>(2 * arena.season, 2);
  for (int64_t windows = kMostWindows; windows > 0; --windows) {
    const int64_t before = shortest - windows * arena.horizon;
    if (before >= needed && (windows == 1 || before >= 2 * windows * arena.horizon)) return windows;
  }
  return shortest > arena.horizon + 1 ? 1 : 0;
}

at::Tensor measured(const io::SeriesTable& table) {
  auto values = at::tensor(table.values, at::kDouble)
                    .view({static_cast<int64_t>(table.rows()), static_cast<int64_t>(table.variates.size())})
                    .clone();
  if (table.filled.empty()) return values;
  for (std::size_t i = 0; i < table.filled.size(); ++i) {
    if (table.filled[i]) values.view(-1)[static_cast<int64_t>(i)] = NAN;
  }
  return values;
}

Arena arena_of(std::vector<io::SeriesTable> tables, const plan::ForecastTask& task) {
  Arena arena;
  arena.tables = std::move(tables);
  arena.horizon = *task.horizon;
  arena.season = task.season.value_or(io::usual_season(arena.tables.front().frequency));
  int64_t shortest = std::numeric_limits<int64_t>::max();
  for (const auto& table : arena.tables) shortest = std::min(shortest, static_cast<int64_t>(table.rows()));
  arena.windows = windows_to_compare(arena, shortest);
  if (arena.windows == 0) return arena;
  std::vector<at::Tensor> truths, scales;
  for (const auto& table : arena.tables) {
    const auto values = measured(table);
    const auto known = values.size(0) - arena.windows * arena.horizon;
    truths.push_back(values.narrow(0, known, arena.windows * arena.horizon)
                         .t()
                         .reshape({values.size(1), arena.windows, arena.horizon}));
    scales.push_back(runtime::seasonal_naive_error(values.narrow(0, 0, known), arena.season));
  }
  arena.truth = at::cat(truths);
  arena.scale = at::cat(scales).view({-1, 1, 1});
  // An exactly periodic series has no scale; its errors count as they are.
  arena.scale = at::where(arena.scale.isnan(), at::ones_like(arena.scale), arena.scale);
  return arena;
}

/// What a model makes of all windows, [series, windows, horizon].
at::Tensor window_forecasts(const Arena& arena, const ForecastModel& model) {
  std::vector<at::Tensor> windows;
  for (int64_t window = arena.windows; window > 0; --window) {
    std::vector<at::Tensor> rows;
    for (const auto& one : model.forecast(arena.before(window), arena.horizon, {}))
      rows.push_back(one.mean.t());
    windows.push_back(at::cat(rows));
  }
  return at::stack(windows, 1);
}

/// A model that took part.
struct Contender {
  std::string name, place;  ///< place: as EnsembleMember::model
  at::Tensor forecasts;
};

/// Models under test, what came of them and what did not.
class Search {
 public:
  Search(const plan::ForecastTask& task, const Arena& arena, Clock::time_point end,
         const runtime::CommandContext& context)
      : task_(task),
        arena_(arena),
        end_(end),
        progress_(context.progress),
        stop_(context.stop),
        train_(context.train) {}

  /// A baseline or a folder. needed: whether it is tried though the time is over.
  void try_model(const std::string& name, const std::string& place, bool needed = false) {
    if (stop_.load()) fail<Interrupted>("interrupted, nothing written");
    if (!needed && seconds_until(end_) <= 0) return skip(name, "the time was over");
    try {
      auto model = ForecastModel::open(place, std::nullopt, compute());
      if (model.is_zero_shot()) model.set_season(arena_.season);
      if (!needed && is_too_slow(model)) return skip(name, "it would have taken too long");
      auto forecasts = window_forecasts(arena_, model);
      if (!forecasts.sizes().equals(arena_.truth.sizes()))
        return skip(name, "it forecasts other series than those of the input");
      if (!forecasts.isfinite().all().item<bool>()) return skip(name, "its forecasts were not finite");
      contenders_.push_back({name, place, std::move(forecasts)});
      progress_.note(fmt::format("{}: MASE {:.3f}", name, error_of(contenders_.back().forecasts)));
    } catch (const Interrupted&) {
      throw;
    } catch (const Error& error) {
      if (needed) throw;
      skip(name, error.what());
    }
  }

  /// Trains a forecaster on the rows before the first window. config: as a user writes it, without data.
  void train(const std::string& name, Json config, const fs::path& data, const fs::path& folder) {
    if (stop_.load()) fail<Interrupted>("interrupted, nothing written");
    const double left = seconds_until(end_);
    if (left < kLeastTraining) return skip(name, "the time was over");
    const auto share = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(std::max(kLeastTraining, kTrainingShare * left)));
    const Deadline deadline(std::min(end_, Clock::now() + share), stop_);
    config["data"]["path"] = data.string();
    plan::TrainTask training;
    training.compute = task_.compute;
    training.name = name;
    training.out = folder;
    try {
      training.config = plan::resolve_run_config(Config(std::move(config), name), folder.parent_path());
      train_(training, progress_, deadline.over());
    } catch (const Interrupted&) {
      if (stop_.load()) throw;  // else the best model so far is in the folder
    } catch (const Error& error) {
      return skip(name, error.what());
    }
    if (!fs::exists(folder / "model" / "config.json")) return skip(name, "no epoch ended in time");
    try_model(name, folder.string());
  }

  const std::vector<Contender>& contenders() const { return contenders_; }
  const Json& skipped() const { return skipped_; }

 private:
  runtime::Compute compute() const {
    return runtime::select_compute(task_.compute.device, task_.compute.dtype, task_.compute.quantize);
  }
  void skip(const std::string& name, std::string_view why) {
    skipped_[name] = why;
    progress_.note(fmt::format("{}: left out, {}", name, why));
  }
  /// Judged by the time that a sample of the series takes.
  bool is_too_slow(const ForecastModel& model) const {
    constexpr std::size_t kSample = 8;
    if (arena_.tables.size() <= 2 * kSample) return false;
    std::vector<io::SeriesTable> sample(arena_.tables.begin(), arena_.tables.begin() + kSample);
    const auto start = Clock::now();
    model.forecast(sample, arena_.horizon, {});
    const double each = std::chrono::duration<double>(Clock::now() - start).count() / kSample;
    // Once more for the forecast itself.
    return each * static_cast<double>(arena_.tables.size()) * static_cast<double>(arena_.windows + 1) >
           seconds_until(end_);
  }
  double error_of(const at::Tensor& forecasts) const {
    return ((forecasts - arena_.truth).abs() / arena_.scale).nanmean().item<double>();
  }

  const plan::ForecastTask& task_;
  const Arena& arena_;
  Clock::time_point end_;
  Progress& progress_;
  Stop stop_;
  Json (*train_)(const plan::TrainTask& task, Progress& progress, Stop stop);
  std::vector<Contender> contenders_;
  Json skipped_ = Json::object();
};

/// The rows before the first window, for trainings: a wide file of one table, a long one of several. Nothing
/// where the tables have several variates each, which no one training takes.
bool write_training_rows(const Arena& arena, const fs::path& file) {
  const bool several = arena.tables.size() > 1;
  if (several && std::any_of(arena.tables.begin(), arena.tables.end(),
                             [](const auto& table) { return table.variates.size() != 1; }))
    return false;
  io::CsvText csv;
  if (several) csv.cell("unique_id");
  csv.cell("ds");
  for (const auto& name : arena.tables.front().variates) csv.cell(name);
  csv.end_row();
  for (const auto& table : arena.before(arena.windows)) {
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (several) csv.cell(table.unique_id);
      csv.cell(table.date_format.format(table.stamps[row]));
      for (std::size_t c = 0; c < table.variates.size(); ++c) csv.cell(table.at(row, c));
      csv.end_row();
    }
  }
  write_atomically(file, csv.text());
  return true;
}

/// Forecasters by what they cost, the cheap ones first, with sizes for these data.
std::vector<std::pair<std::string, Json>> trainings_for(const Arena& arena, int64_t rows) {
  const int64_t horizon = arena.horizon, least = std::max<int64_t>({2 * arena.season, 2 * horizon, 16});
  const int64_t window = std::min<int64_t>({least, 336, rows / 4});
  if (window < 8 || window + horizon > rows / 2) return {};
  const Json training{{"epochs", 30},        {"batch_size", 32}, {"learning_rate", 1e-3},
                      {"lradj", "constant"}, {"patience", 4},    {"loss", "mae"}};
  const auto config = [&](Json model) {
    return Json{{"model", std::move(model)},
                {"data",
                 {{"missing", "interpolate"},
                  {"seq_len", window},
                  {"label_len", 0},
                  {"pred_len", horizon},
                  {"split", {{"train", 0.85}, {"test", 0.0}}}}},
                {"training", training},
                {"seed", 1},
                {"output", "unused"}};
  };
  std::vector<std::pair<std::string, Json>> all;
  const int64_t patch = std::max<int64_t>(2, std::min<int64_t>(16, window / 4));
  all.emplace_back("patchtst", config({{"name", "patchtst"},
                                       {"patch_len", patch},
                                       {"stride", std::max<int64_t>(1, patch / 2)},
                                       {"d_model", 32},
                                       {"n_heads", 4},
                                       {"e_layers", 2},
                                       {"d_ff", 64}}));
  all.back().second["data"]["marks"] = false;
  if (arena.tables.front().variates.size() <= 256) {
    all.emplace_back(
        "itransformer",
        config({{"name", "itransformer"}, {"d_model", 64}, {"n_heads", 4}, {"e_layers", 2}, {"d_ff", 128}}));
    all.back().second["training"]["learning_rate"] = 5e-4;
  }
  return all;
}

Json search_leaderboard(const Arena& arena, const std::vector<Contender>& contenders,
                        const at::Tensor& mixed) {
  std::vector<TaskErrors> errors;
  const auto add = [&](const std::string& name, const at::Tensor& forecasts) {
    const auto means = ((forecasts - arena.truth).abs() / arena.scale).nanmean(2).reshape(-1).contiguous();
    errors.push_back(
        {name, {means.const_data_ptr<double>(), means.const_data_ptr<double>() + means.numel()}});
  };
  for (const auto& contender : contenders) add(contender.name, contender.forecasts);
  add("ensemble", mixed);
  Json models = leaderboard_json(leaderboard(errors, kNaiveBaseline));
  for (auto& row : models) {
    row["mase"] = row.at("mean_error");
    row["mae"] = nullptr;
    row.erase("mean_error");
  }
  return {
      {"baseline", kNaiveBaseline}, {"tasks", errors.front().errors.size()}, {"models", std::move(models)}};
}

/// The folder of the ensemble from that of a trained member.
std::string place_in(const Contender& contender, const fs::path& folder) {
  const auto below = fs::path(contender.place).lexically_relative(folder);
  if (!below.empty() && *below.begin() != "..") return below.string();
  return fs::exists(contender.place) ? fs::absolute(contender.place).string() : contender.place;
}

}  // namespace

plan::ForecastTask find_ensemble(const plan::ForecastTask& task, Json& summary,
                                 const runtime::CommandContext& context) {
  auto& progress = context.progress;
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
                                      task.time_limit.value_or(plan::kDefaultTimeLimit)));
  auto reader = ForecastModel::open(kNaiveBaseline, std::nullopt, {});
  InputReader input(task, reader, reader.least_context(), /*in_parts=*/false, progress);
  auto inputs = *input.next();
  input.finish();
  const auto arena = arena_of(std::move(inputs.tables), task);
  make_folder(task.keep);
  Search search(task, arena, end, context);
  EnsembleOptions ensemble{.horizon = arena.horizon, .members = {}};
  summary = {{"folder", task.keep.string()}, {"windows", arena.windows}, {"horizon", arena.horizon}};
  if (arena.windows == 0) {
    progress.warn(
        fmt::format("the shortest series has no {} rows to compare models on: the forecast is that of {}",
                    arena.horizon + 2, kNaiveBaseline));
    ensemble.members.push_back({kNaiveBaseline, 1.0});
  } else {
    search.try_model(kNaiveBaseline, kNaiveBaseline, /*needed=*/true);
    for (const auto& card : kBaselineCards) {
      if (card.name != kNaiveBaseline) search.try_model(std::string(card.name), std::string(card.name));
    }
    if (!task.model.empty()) search.try_model(task.model.string(), task.model.string());
    for (const auto& place : task.against) search.try_model(place, place);
    const auto data = task.keep / "training_rows.csv";
    const auto shortest = std::min_element(arena.tables.begin(), arena.tables.end(),
                                           [](const auto& a, const auto& b) { return a.rows() < b.rows(); });
    const auto rows = static_cast<int64_t>(shortest->rows()) - arena.windows * arena.horizon;
    const auto trainings = trainings_for(arena, rows);
    if (!trainings.empty() && seconds_until(end) > kLeastTraining && write_training_rows(arena, data)) {
      for (const auto& [name, config] : trainings) search.train(name, config, data, task.keep / name);
    }
    std::vector<at::Tensor> forecasts;
    for (const auto& contender : search.contenders()) forecasts.push_back(contender.forecasts);
    const auto weights = greedy_ensemble(forecasts, arena.truth, arena.scale);
    auto mixed = at::zeros_like(arena.truth);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] <= 0.0) continue;
      const auto& contender = search.contenders()[i];
      mixed += weights[i] * contender.forecasts;
      ensemble.members.push_back({place_in(contender, task.keep), weights[i]});
      summary["weights"][contender.name] = weights[i];
    }
    summary["leaderboard"] = search_leaderboard(arena, search.contenders(), mixed);
    summary["skipped"] = search.skipped();
  }
  save_ensemble(task.keep, ensemble);
  write_atomically(task.keep / "leaderboard.json", dump_json(summary, 2) + "\n");
  auto found = task;
  found.model = task.keep;
  return found;
}

}  // namespace arzoo::forecast
