#include "forecast/parity/chronos2_table_parity.h"

#include <torch/torch.h>

#include <algorithm>
#include <map>

#include "forecast/models/chronos2_prediction.h"
#include "forecast/parity/official_replay.h"
#include "forecast/scores/quantile_levels.h"
#include "forecast/zero_shot_tables.h"

namespace arzoo::forecast {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

/// The table with its rows in order of time within each series, as the official code sorts them.
io::CsvTable sorted_by_time(const io::CsvTable& table, std::size_t id, std::size_t date) {
  std::map<std::string_view, std::size_t> place;
  for (std::size_t row = 0; row < table.rows(); ++row) place.emplace(table.cell(row, id), place.size());
  std::vector<std::size_t> order;
  for (std::size_t row = 0; row < table.rows(); ++row) order.push_back(row);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const auto key = [&](std::size_t row) {
      return std::pair(place.at(table.cell(row, id)), table.cell(row, date));
    };
    return key(a) < key(b);
  });
  io::CsvText text;
  for (const auto& name : table.column_names()) text.cell(std::string_view(name));
  text.end_row();
  for (const auto row : order) {
    for (std::size_t column = 0; column < table.columns(); ++column) text.cell(table.cell(row, column));
    text.end_row();
  }
  return io::CsvTable::parse(text.take(), table.name());
}

/// One official call: its files and what it was asked for.
struct TableCall {
  std::string past, future, result;  ///< file names; future may not be there
  std::vector<std::string> targets;
  std::vector<double> levels;
  int64_t horizon;
};

/// What the table columns are by the official rules: what the future names is known ahead, in table order.
CovariateRoles official_roles(const io::CsvTable& past, const std::optional<io::CsvTable>& future,
                              const std::vector<std::string>& targets, const std::string& id,
                              const std::string& date) {
  CovariateRoles roles;
  roles.targets = targets;
  for (const auto& name : past.column_names()) {
    if (name == id || name == date || std::find(targets.begin(), targets.end(), name) != targets.end())
      continue;
    (future && future->find(name) ? roles.future : roles.past).push_back(name);
  }
  return roles;
}

/// The tasks of a call, in official order.
std::vector<Chronos2Rows> tasks_of_call(const ParityCase& fixture, const TableCall& call) {
  const auto expected = io::CsvTable::read(fixture.folder / call.result);
  const std::string id(expected.column_name(0)), date(expected.column_name(1));
  const auto unsorted = io::CsvTable::read(fixture.folder / call.past);
  const auto past = sorted_by_time(unsorted, *unsorted.find(id), *unsorted.find(date));
  std::optional<io::CsvTable> future;
  if (!call.future.empty() && std::filesystem::exists(fixture.folder / call.future))
    future = io::CsvTable::read(fixture.folder / call.future);
  const auto roles = official_roles(past, future, call.targets, id, date);
  io::SeriesReadOptions options;
  options.format = io::SeriesFormat::long_;
  options.id_column = id;
  options.date_column = date;
  options.missing = io::MissingPolicy::interpolate;
  options.columns = roles.columns();
  options.categories = find_categories(past, roles, {});
  const auto file = io::read_series(past, options);
  std::vector<KnownAhead> ahead;
  if (future) {
    std::vector<std::string> notes;
    ahead = read_future(*future, {roles.future, options.categories, date, id, /*gaps=*/true}, file.tables,
                        call.horizon, notes);
  }
  std::vector<ZeroShotSeries> series;
  for (std::size_t i = 0; i < file.tables.size(); ++i) {
    const ZeroShotReading reading{roles, static_cast<int64_t>(file.tables[i].rows()), /*gaps=*/true};
    series.push_back(zero_shot_series(file.tables[i], ahead.empty() ? nullptr : &ahead[i], reading).front());
  }
  return chronos2_rows(series, call.horizon);
}

/// The numbers of the result: id, then target, then step; the median, then a column per level.
at::Tensor official_numbers(const Chronos2& model, std::span<const Chronos2Rows> tasks, const TableCall& call,
                            const ParityCase& fixture) {
  Chronos2PredictOptions options;
  options.horizon = call.horizon;
  options.unroll.max_output_patches = model.options().chronos_config.max_output_patches;
  auto levels = call.levels;
  levels.insert(levels.begin(), 0.5);
  std::vector<at::Tensor> rows;
  for (const auto& quantiles : predict_rows(model, tasks, options, fixture.device))
    rows.push_back(interpolated_levels(quantiles.transpose(1, 2), model.levels(), levels).flatten(0, 1));
  return at::cat(rows);
}

std::vector<std::string> texts_in(const Config& list) {
  std::vector<std::string> texts;
  list.read(texts, {});
  return texts;
}

}  // namespace

void replay_chronos2_tables(const ParityCase& fixture, ParityReport& report, const Chronos2& model) {
  const c10::InferenceMode inference;
  const auto params = fixture.info.section("params");
  if (std::filesystem::exists(fixture.folder / "past.csv")) {
    const auto expected = io::CsvTable::read(fixture.folder / "forecast.csv");
    const auto target = expected.find("target_name");
    if (!target) fail<CheckpointError>("{}: forecast.csv has no column target_name", fixture.name);
    const TableCall call{"past.csv",
                         "future.csv",
                         "forecast.csv",
                         {std::string(expected.cell(0, *target))},
                         numbers_in(params.at("quantile_levels")),
                         integer_of(params, "horizon", 1)};
    const auto tasks = tasks_of_call(fixture, call);
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const auto prefix = fmt::format("prepared.{}.", i);
      if (fixture.io.contains(prefix + "context"))
        check_with_gaps(report, fixture, prefix + "context", tasks[i].context);
      if (fixture.io.contains(prefix + "future_covariates"))
        check_with_gaps(report, fixture, prefix + "future_covariates", tasks[i].future);
    }
    report.check("forecast", official_numbers(model, tasks, call, fixture));
  }
  if (!std::filesystem::exists(fixture.folder / "multi.csv")) return;
  const auto multi = params.at("multi");
  const TableCall call{"multi.csv",
                       "",
                       "forecast_multi.csv",
                       texts_in(multi.at("target")),
                       numbers_in(multi.at("quantile_levels")),
                       integer_of(multi, "horizon", 1)};
  report.check("forecast_multi", official_numbers(model, tasks_of_call(fixture, call), call, fixture));
}

}  // namespace arzoo::forecast
