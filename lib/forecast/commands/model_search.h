#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/deadline.h"
#include "core/json.h"
#include "forecast/commands/search_arena.h"
#include "plan/tasks.h"
#include "runtime/family_command.h"

namespace arzoo::forecast {

/// A model that took part.
struct Contender {
  std::string name, place;  ///< place: as EnsembleMember::model
  at::Tensor forecasts;     ///< [series, windows, horizon]
};

/// Models under test, what came of them and what did not.
class ModelSearch {
 public:
  using Clock = Deadline::Clock;

  ModelSearch(const plan::ForecastTask& task, const SearchArena& arena, Clock::time_point end,
              const runtime::CommandContext& context)
      : task_(task), arena_(arena), end_(end), context_(context) {}

  /// A baseline or a folder. needed: whether it is tried though the time is over.
  void try_model(const std::string& name, const std::string& place, bool needed = false);
  /// Trains a forecaster on the rows before the first window, in its share of the time that is left, and
  /// tries it. config: as a user writes it, without data.
  void train(const std::string& name, Json config, const std::filesystem::path& data,
             const std::filesystem::path& folder);
  bool has_time_to_train() const;

  const std::vector<Contender>& contenders() const { return contenders_; }
  /// Why others were left out, by their names.
  const Json& skipped() const { return skipped_; }

 private:
  runtime::Compute compute() const;
  void skip(const std::string& name, std::string_view why);
  bool is_too_slow(const ForecastModel& model) const;

  const plan::ForecastTask& task_;
  const SearchArena& arena_;
  Clock::time_point end_;
  const runtime::CommandContext& context_;
  std::vector<Contender> contenders_;
  Json skipped_ = Json::object();
};

/// Forecasters by what they cost, the cheap ones first, with sizes for these data. rows: of the shortest
/// series before the first window.
std::vector<std::pair<std::string, Json>> trainings_for(const SearchArena& arena, int64_t rows);

}  // namespace arzoo::forecast
