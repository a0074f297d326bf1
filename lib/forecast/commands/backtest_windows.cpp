#include "forecast/commands/backtest_windows.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "io/csv.h"
#include "runtime/metrics.h"

namespace arzoo::forecast {
namespace {

/// How many of a table's stretches begin in [first, last].
int64_t stretches_within(const io::SeriesTable& table, const Windows& windows, io::Timestamp first,
                         io::Timestamp last) {
  int64_t within = 0;
  for (int64_t stretch = 1; stretch <= windows.count; ++stretch) {
    const auto begin = windows.begin(static_cast<int64_t>(table.rows()), stretch);
    const auto from = table.stamps[begin], to = table.stamps[begin + windows.horizon - 1];
    within += from <= last && to >= first ? 1 : 0;
  }
  return within;
}

}  // namespace

Windows windows_of(const plan::ForecastTask& task, int64_t horizon) {
  const Windows windows{task.backtest, horizon, task.step.value_or(horizon)};
  if (windows.step < horizon && (task.plot || task.conformal == "adaptive"))
    fail<UsageError>(
        "--step {}: windows that overlap can be neither plotted nor learned from one after the other (leave "
        "out "
        "--plot and --conformal adaptive, or step by the horizon, {})",
        windows.step, horizon);
  return windows;
}

std::vector<NaiveErrors> naive_errors(const plan::ForecastTask& task, const ForecastModel& model,
                                      const std::vector<io::SeriesTable>& tables, const Windows& windows) {
  std::vector<NaiveErrors> errors;
  for (const auto& table : tables) {
    const auto season = task.season.value_or(io::usual_season(table.frequency));
    const auto known = static_cast<int64_t>(table.rows()) - windows.rows();
    const auto history = truth_of(table, model.forecast_variates(table), 0, known);
    errors.push_back({season, runtime::seasonal_naive_error(history, season),
                      runtime::seasonal_naive_square(history, season)});
  }
  return errors;
}

void require_rows(const ForecastModel& model, const std::vector<io::SeriesTable>& tables,
                  const Windows& windows) {
  for (const auto& table : tables) {
    const auto rows = static_cast<int64_t>(table.stamps.size()),
               needed = model.least_context() + windows.rows();
    if (rows < needed) {
      fail<DataError>("{}: series {} has {} rows, --backtest {} needs {} ({} and those of the windows)",
                      table.source, io::shown(table.unique_id), rows, windows.count, needed,
                      model.is_zero_shot() ? "one" : "seq_len");
    }
  }
}

at::Tensor truth_of(const io::SeriesTable& table, const std::vector<std::string>& variates, int64_t begin,
                    int64_t end) {
  auto truth = at::empty({end - begin, static_cast<int64_t>(variates.size())}, at::kDouble);
  auto to = truth.accessor<double, 2>();
  for (std::size_t c = 0; c < variates.size(); ++c) {
    const auto column = static_cast<std::size_t>(
        std::find(table.variates.begin(), table.variates.end(), variates[c]) - table.variates.begin());
    for (int64_t t = begin; t < end; ++t) {
      const auto row = static_cast<std::size_t>(t);
      to[t - begin][static_cast<int64_t>(c)] = table.measured(row, column) ? table.at(row, column) : NAN;
    }
  }
  return truth;
}

void warn_of_seen_rows(const ForecastModel& model, const std::vector<io::SeriesTable>& tables,
                       const Windows& windows, Progress& progress) {
  std::string trained, validated;
  int64_t more_trained = 0, more_validated = 0;
  for (const auto& table : tables) {
    const auto* seen = model.seen_rows(table);
    if (seen == nullptr) continue;
    const auto within = [&](io::Timestamp last) {
      return stretches_within(table, windows, seen->first, last);
    };
    const auto say = [&](int64_t count, io::Timestamp last) {
      return fmt::format("{}: series {}: {} of {} windows reach into {} to {}", table.source,
                         io::shown(table.unique_id), count, windows.count,
                         table.date_format.format(seen->first), table.date_format.format(last));
    };
    const int64_t in_training = within(seen->last_trained), in_validation = within(seen->last_validated);
    if (in_training > 0) {
      if (trained.empty()) trained = say(in_training, seen->last_trained);
      ++more_trained;
    } else if (in_validation > 0) {
      if (validated.empty()) validated = say(in_validation, seen->last_validated);
      ++more_validated;
    }
  }
  const auto others = [](int64_t count) {
    return count > 1 ? fmt::format(" (and of {} more series)", count - 1) : std::string();
  };
  if (!trained.empty()) {
    progress.warn(trained + others(more_trained) +
                  ", the rows that the model was trained on: their errors are too small");
  }
  if (!validated.empty()) {
    progress.note(validated + others(more_validated) +
                  ", the last of them validation rows, which chose the epoch and calibrated the intervals");
  }
}

}  // namespace arzoo::forecast
