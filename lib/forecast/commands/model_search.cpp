#include "forecast/commands/model_search.h"

#include <algorithm>
#include <chrono>

#include "core/inner_progress.h"
#include "plan/run_config.h"

namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;

/// What a model must leave for those after it: the share of the time left that one training may take.
constexpr double kTrainingShare = 0.45;
constexpr double kLeastTraining = 5.0;  ///< seconds worth beginning a training for

double seconds_until(ModelSearch::Clock::time_point end) {
  return std::chrono::duration<double>(end - ModelSearch::Clock::now()).count();
}

}  // namespace

void ModelSearch::try_model(const std::string& name, const std::string& place, bool needed) {
  if (context_.stop.load()) fail<Interrupted>("interrupted, nothing written");
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
    context_.progress.note(
        fmt::format("{}: MASE {:.3f}", name, arena_.error_of(contenders_.back().forecasts)));
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    if (needed) throw;
    skip(name, error.what());
  }
}

void ModelSearch::train(const std::string& name, Json config, const fs::path& data, const fs::path& folder) {
  if (context_.stop.load()) fail<Interrupted>("interrupted, nothing written");
  const double left = seconds_until(end_);
  if (left < kLeastTraining) return skip(name, "the time was over");
  const auto share = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(std::max(kLeastTraining, kTrainingShare * left)));
  const Deadline deadline(std::min(end_, Clock::now() + share), context_.stop);
  config["data"]["path"] = data.string();
  plan::TrainTask training;
  training.compute = task_.compute;
  training.name = name;
  training.out = folder;
  try {
    training.config = plan::resolve_run_config(Config(std::move(config), name), folder.parent_path());
    InnerProgress progress(context_.progress);
    context_.train(training, progress, deadline.over());
  } catch (const Interrupted&) {
    if (context_.stop.load()) throw;  // else the best model so far is in the folder
  } catch (const Error& error) {
    return skip(name, error.what());
  }
  // Cut before its first epoch ended, it takes part as it stood.
  const auto place = fs::exists(folder / "model" / "config.json") ? folder : folder / "last";
  if (!fs::exists(place)) return skip(name, "no epoch ended in time");
  try_model(name, place.string());
}

bool ModelSearch::has_time_to_train() const { return seconds_until(end_) > kLeastTraining; }

runtime::Compute ModelSearch::compute() const {
  return runtime::select_compute(task_.compute.device, task_.compute.dtype, task_.compute.quantize);
}

void ModelSearch::skip(const std::string& name, std::string_view why) {
  skipped_[name] = why;
  context_.progress.note(fmt::format("{}: left out, {}", name, why));
}

/// Judged by the time that a sample of the series takes.
bool ModelSearch::is_too_slow(const ForecastModel& model) const {
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

std::vector<std::pair<std::string, Json>> trainings_for(const SearchArena& arena, int64_t rows) {
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

}  // namespace arzoo::forecast
