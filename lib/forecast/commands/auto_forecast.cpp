#include "forecast/commands/auto_forecast.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/atomic_file.h"
#include "core/output_folder.h"
#include "forecast/baselines/baseline_cards.h"
#include "forecast/commands/comparison_page.h"
#include "forecast/commands/forecast_chart.h"
#include "forecast/commands/forecast_ids.h"
#include "forecast/commands/forecast_inputs.h"
#include "forecast/commands/model_search.h"
#include "forecast/commands/refit.h"
#include "forecast/commands/search_arena.h"
#include "forecast/forecast_ensemble.h"
#include "forecast/scores/greedy_ensemble.h"
#include "forecast/scores/leaderboard.h"

namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;
using Clock = Deadline::Clock;

constexpr const char* kEnsemble = "ensemble";
constexpr double kSearchLevel = 80.0;  ///< of the intervals, where the task names none
constexpr std::size_t kSearchCharts = 4;

/// Tries the baselines, the models that the task names, and those that it has the time to train.
void try_all(ModelSearch& search, const plan::ForecastTask& task, const SearchArena& arena) {
  search.try_model(kNaiveBaseline, kNaiveBaseline, /*needed=*/true);
  for (const auto& card : kBaselineCards)
    if (card.name != kNaiveBaseline) search.try_model(std::string(card.name), std::string(card.name));
  if (!task.model.empty()) search.try_model(task.model.string(), task.model.string());
  for (const auto& place : task.against) search.try_model(place, place);
  const auto shortest = std::min_element(arena.tables.begin(), arena.tables.end(),
                                         [](const auto& a, const auto& b) { return a.rows() < b.rows(); });
  const auto rows = static_cast<int64_t>(shortest->rows()) - arena.windows * arena.horizon;
  const auto trainings = trainings_for(arena, rows);
  if (trainings.empty() || !search.has_time_to_train()) return;
  const bool several = arena.tables.size() > 1;
  // No one training takes several tables of several variates each.
  if (several && std::any_of(arena.tables.begin(), arena.tables.end(),
                             [](const auto& table) { return table.variates.size() != 1; }))
    return;
  const auto data = task.keep / "training_rows.csv";
  write_training_rows(arena.before(arena.windows), data, /*as_long=*/false);
  for (const auto& [name, config] : trainings) search.train(name, config, data, task.keep / name);
}

/// The weighted mean of the contenders' forecasts.
at::Tensor mixed_forecasts(const std::vector<Contender>& contenders, const std::vector<double>& weights) {
  auto mean = at::zeros_like(contenders.front().forecasts);
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (weights[i] > 0.0) mean += weights[i] * contenders[i].forecasts;
  return mean;
}

/// Weights, and whether the held-out windows had to choose as well.
struct Choice {
  std::vector<double> weights;
  bool by_all = false;
};

/// The weights that are best on the windows that choose; on all, where those are worse than the seasonal
/// naive forecast, the first contender, on the windows that were held out.
Choice chosen_weights(const SearchArena& arena, const std::vector<Contender>& contenders) {
  std::vector<at::Tensor> all, choosing;
  for (const auto& contender : contenders) {
    all.push_back(contender.forecasts);
    choosing.push_back(arena.choosing(contender.forecasts));
  }
  Choice choice{greedy_ensemble(choosing, arena.choosing(arena.truth), arena.scale)};
  if (arena.held_out == 0) return choice;
  const auto& naive = contenders.front().forecasts;
  if (arena.held_error(mixed_forecasts(contenders, choice.weights)) <= arena.held_error(naive)) return choice;
  return {greedy_ensemble(all, arena.truth, arena.scale), /*by_all=*/true};
}

/// Scaled errors on some windows, beside the seasonal naive forecast's.
Json errors_beside_naive(double error, double naive, int64_t windows) {
  if (windows == 0 || !std::isfinite(error)) return nullptr;
  Json json{{"windows", windows}, {"mase", error}, {kNaiveBaseline, naive}};
  json["better_by"] = naive > 0.0 ? Json(1.0 - error / naive) : Json(nullptr);
  return json;
}

std::string errors_text(const Json& errors) {
  const auto better = errors.at("better_by");
  const double share = better.is_number() ? 100.0 * better.get<double>() : 0.0;
  return fmt::format("MASE {:.3f}, {:.0f} % {} than {} ({:.3f})", errors.at("mase").get<double>(),
                     std::abs(share), share >= 0.0 ? "less" : "more", kNaiveBaseline,
                     errors.at(kNaiveBaseline).get<double>());
}

std::string reason(const Json& summary, bool by_all) {
  std::string members;
  for (const auto& [name, weight] : summary.at("weights").items())
    members += fmt::format("{}{} ({:.2f})", members.empty() ? "" : ", ", name, weight.get<double>());
  auto text =
      fmt::format("{}: the weights with the least error on {} windows, {}", members,
                  summary.at("chosen_on").at("windows").get<int64_t>(), errors_text(summary.at("chosen_on")));
  const auto& held = summary.at("held_out");
  if (held.is_null()) return text + "; too few rows to hold windows out: expect a larger error on new data";
  if (by_all)
    return text + fmt::format(
                      "; all windows chose, for the choice of the earlier ones was worse than {} on the {} "
                      "that were held out",
                      kNaiveBaseline, held.at("windows").get<int64_t>());
  return text + fmt::format("; on the last {} windows, which chose nothing: {}",
                            held.at("windows").get<int64_t>(), errors_text(held));
}

/// Mean errors of each window of each series of a tensor [series, windows, horizon].
std::vector<double> task_errors(const SearchArena& arena, const at::Tensor& forecasts) {
  const auto means = ((forecasts - arena.truth).abs() / arena.scale).nanmean(2).reshape(-1).contiguous();
  return {means.const_data_ptr<double>(), means.const_data_ptr<double>() + means.numel()};
}

/// All contenders and the ensemble on all windows.
Json search_leaderboard(const SearchArena& arena, const std::vector<Contender>& all) {
  std::vector<TaskErrors> errors;
  for (const auto& contender : all)
    errors.push_back({contender.name, task_errors(arena, contender.forecasts)});
  Json models = leaderboard_json(leaderboard(errors, kNaiveBaseline));
  for (auto& row : models) {
    const auto& forecasts = std::find_if(all.begin(), all.end(), [&](const auto& contender) {
                              return row.at("model") == contender.name;
                            })->forecasts;
    row["mase"] = row.at("mean_error");
    row["mae"] = (forecasts - arena.truth).abs().nanmean().item<double>();
    const double held = arena.held_out > 0 ? arena.held_error(forecasts) : std::nan("");
    row["held_out"] = std::isfinite(held) ? Json(held) : Json(nullptr);
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

std::vector<double> doubles(const at::Tensor& values) {
  const auto all = values.to(at::kDouble).contiguous();
  return {all.const_data_ptr<double>(), all.const_data_ptr<double>() + all.numel()};
}

/// What comes, and the last window beside its truth, of a few series spread over all.
std::vector<FanChart> search_charts(const SearchArena& arena, const ForecastModel& model,
                                    const std::vector<std::vector<std::string>>& ids,
                                    const std::vector<double>& levels,
                                    const std::vector<Contender>& contenders) {
  std::vector<FanChart> ahead, held;
  std::vector<int64_t> first{0};  // series of each table
  for (const auto& table : arena.tables)
    first.push_back(first.back() + static_cast<int64_t>(table.variates.size()));
  const auto count = std::min(arena.tables.size(), kSearchCharts);
  for (std::size_t n = 0; n < count; ++n) {
    const auto i = n * arena.tables.size() / count;
    const auto& table = arena.tables[i];
    const auto forecast = model.forecast(std::vector{table}, arena.horizon, levels).front();
    ahead.push_back(fan_chart(table, forecast, ids[i].front(), 0));
    ahead.back().title += ": forecast";
    const auto known = arena.before(1)[i];
    auto last = model.forecast(std::vector{known}, arena.horizon, levels).front();
    held.push_back(fan_chart(table, last, ids[i].front(), 0));
    held.back().title += ": the last window";
    held.back().others.emplace_back(contenders.front().name,
                                    doubles(contenders.front().forecasts[first[i]][-1]));
  }
  ahead.insert(ahead.end(), held.begin(), held.end());
  return ahead;
}

/// One page about the search, in the folder of the ensemble. all: with the ensemble.
void write_search_page(const plan::ForecastTask& found, const SearchArena& arena,
                       const ForecastInputs& inputs, const ForecastModel& model,
                       const std::vector<Contender>& all, const Json& summary) {
  Comparison page{.title = "Forecast", .subtitle = summary.at("why").get<std::string>()};
  for (const auto& [name, why] : summary.at("skipped").items())
    page.remarks.push_back(fmt::format("{} was left out: {}.", name, why.get<std::string>()));
  page.leaderboard = summary.at("leaderboard");
  const auto ids = output_ids(inputs, model);
  for (const auto& names : ids) page.series.insert(page.series.end(), names.begin(), names.end());
  for (const auto& contender : all) {
    const auto errors = (contender.forecasts - arena.truth).abs() / arena.scale;
    ComparedModel one{.name = contender.name};
    one.step_errors = doubles(errors.nanmean({0, 1}));
    one.series_errors = doubles(errors.nanmean({1, 2}));
    page.models.push_back(std::move(one));
  }
  page.charts = search_charts(arena, model, ids, found.levels, all);
  write_atomically(found.keep / "report.html", comparison_page(page));
}

/// The default intervals, if the ensemble has any.
void set_levels(plan::ForecastTask& found, const ForecastModel& model) {
  if (!found.levels.empty() || !found.quantiles.empty()) return;
  try {
    model.require_levels({kSearchLevel});
    found.levels = {kSearchLevel};
  } catch (const UsageError&) {
  }
}

}  // namespace

plan::ForecastTask find_ensemble(const plan::ForecastTask& task, Json& summary,
                                 const runtime::CommandContext& context) {
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
                                      task.time_limit.value_or(plan::kDefaultTimeLimit)));
  auto reader = ForecastModel::open(kNaiveBaseline, std::nullopt, {});
  InputReader input(task, reader, reader.least_context(), /*in_parts=*/false, context.progress);
  auto inputs = *input.next();
  input.finish();
  const auto season = task.season.value_or(io::usual_season(inputs.tables.front().frequency));
  const auto arena = search_arena(inputs.tables, *task.horizon, season);
  make_folder(task.keep);
  EnsembleOptions ensemble{.horizon = arena.horizon, .members = {}};
  summary = {{"folder", task.keep.string()}, {"windows", arena.windows}, {"horizon", arena.horizon}};
  auto found = task;
  found.model = task.keep;
  if (arena.windows == 0) {
    context.progress.warn(
        fmt::format("the shortest series has no {} rows to compare models on: the forecast is that of {}",
                    arena.horizon + 2, kNaiveBaseline));
    ensemble.members.push_back({kNaiveBaseline, 1.0});
    save_ensemble(task.keep, ensemble);
    write_atomically(task.keep / "leaderboard.json", dump_json(summary, 2) + "\n");
    return found;
  }
  ModelSearch search(task, arena, end, context);
  try_all(search, task, arena);
  auto all = search.contenders();
  const auto [weights, by_all] = chosen_weights(arena, all);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0.0) continue;
    ensemble.members.push_back({place_in(all[i], task.keep), weights[i]});
    summary["weights"][all[i].name] = weights[i];
  }
  const auto& naive = search.contenders().front().forecasts;
  const auto forecasts = mixed_forecasts(all, weights);
  summary["chosen_on"] =
      by_all ? errors_beside_naive(arena.error_of(forecasts), arena.error_of(naive), arena.windows)
             : errors_beside_naive(arena.choosing_error(forecasts), arena.choosing_error(naive),
                                   arena.windows - arena.held_out);
  summary["held_out"] =
      errors_beside_naive(arena.held_error(forecasts), arena.held_error(naive), arena.held_out);
  all.push_back({kEnsemble, {}, forecasts});
  summary["why"] = reason(summary, by_all);
  summary["leaderboard"] = search_leaderboard(arena, all);
  summary["skipped"] = search.skipped();
  save_ensemble(task.keep, ensemble);
  const auto model = ForecastModel::open(
      task.keep, std::nullopt,
      runtime::select_compute(task.compute.device, task.compute.dtype, task.compute.quantize));
  set_levels(found, model);
  write_search_page(found, arena, inputs, model, all, summary);
  summary["report"] = (task.keep / "report.html").string();
  write_atomically(task.keep / "leaderboard.json", dump_json(summary, 2) + "\n");
  return found;
}

}  // namespace arzoo::forecast
