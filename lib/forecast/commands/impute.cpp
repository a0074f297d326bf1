#include "forecast/commands/impute.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "forecast/commands/forecast_ids.h"
#include "forecast/commands/forecast_inputs.h"
#include "forecast/data/series_data.h"
#include "io/series_fill.h"
#include "io/series_output.h"
#include "runtime/metrics.h"

namespace arzoo::forecast {
namespace {

using Kind = io::OutputColumn::Kind;

/// The file's series, of the variates that the model knows.
ForecastInputs read_gaps(const plan::ForecastTask& task, ForecastModel& model, Progress& progress) {
  if (!model.roles().empty())
    fail<UsageError>("--impute: the model {} has covariates, expected one whose columns are all targets",
                     model.name());
  model.reconstruction_window();
  InputReader reader(task, model, 1, /*in_parts=*/false, progress);
  auto inputs = *reader.next();
  reader.finish();
  for (auto& table : inputs.tables) {
    if (model.options().features != "M") table = select_variates(std::move(table), model.options());
  }
  return inputs;
}

int64_t unmeasured_cells(const io::SeriesTable& table) {
  return std::count(table.filled.begin(), table.filled.end(), true);
}

/// The rows of a completed table, in the layout of its file.
void write_table(const io::SeriesOutput& out, io::CsvText& csv, const io::SeriesTable& table, bool is_long,
                 const at::Tensor& imputed) {
  const auto cells = imputed.accessor<double, 2>();
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (is_long) csv.cell(table.unique_id);
    csv.cell(out.stamp(table.date_format, table.stamps[row]));
    for (std::size_t c = 0; c < table.variates.size(); ++c)
      csv.cell(table.measured(row, c) ? table.at(row, c)
                                      : cells[static_cast<int64_t>(row)][static_cast<int64_t>(c)]);
    csv.end_row();
  }
}

Json complete(const plan::ForecastTask& task, const ForecastModel& model, const ForecastInputs& inputs,
              Progress& progress, Stop stop) {
  std::vector<io::OutputColumn> columns;
  if (inputs.is_long.front()) columns.push_back({inputs.id_column, Kind::text});
  columns.push_back({inputs.date_column, Kind::stamp});
  for (const auto& name : inputs.tables.front().variates) columns.push_back({name});
  io::SeriesOutput out(task.output, std::move(columns));
  int64_t rows = 0, imputed = 0;
  progress.begin("series", static_cast<int64_t>(inputs.tables.size()));
  for (std::size_t i = 0; i < inputs.tables.size(); ++i) {
    if (stop.load()) fail<Interrupted>("interrupted, nothing written");
    const auto& table = inputs.tables[i];
    io::CsvText csv;
    write_table(out, csv, table, inputs.is_long[i], model.reconstruct(table));
    out.append(csv.text());
    rows += static_cast<int64_t>(table.rows());
    imputed += unmeasured_cells(table);
    progress.step();
  }
  progress.end();
  out.commit();
  if (imputed == 0) progress.note(fmt::format("{}: no cell is missing", inputs.tables.front().source));
  return {{"series", inputs.tables.size()}, {"rows", rows}, {"imputed", imputed}};
}

/// Squared and absolute errors of the model and of the line between the neighbours.
struct ImputationScore {
  runtime::ErrorSums model, linear;

  Json json() const {
    const auto value = [&](double error) { return model.count() > 0 ? Json(error) : Json(nullptr); };
    return {{"scored", model.count()},
            {"mse", value(model.mse())},
            {"mae", value(model.mae())},
            {"linear_mse", value(linear.mse())},
            {"linear_mae", value(linear.mae())}};
  }
};

/// The first rows of the stretches that are hidden: evenly spread over the rows behind those that the model
/// was trained on, over all where there are too few of those.
std::vector<int64_t> stretches_of(const plan::ForecastTask& task, const ForecastModel& model,
                                  const io::SeriesTable& table, int64_t length, Progress& progress) {
  const auto rows = static_cast<int64_t>(table.rows());
  const int64_t needed = 2 * length * task.backtest;
  int64_t first = 0;
  if (const auto* seen = model.seen_rows(table); seen != nullptr) {
    first =
        std::upper_bound(table.stamps.begin(), table.stamps.end(), seen->last_trained) - table.stamps.begin();
    if (rows - first < needed) {
      first = 0;
      progress.warn(
          fmt::format("{}: series {}: fewer than {} rows behind those that the model was trained on: what it "
                      "hides is taken "
                      "from all rows, and its errors are too small",
                      table.source, io::shown(table.unique_id), needed));
    }
  }
  if (rows - first < needed)
    fail<DataError>("{}: series {} has {} rows, --backtest {} needs {} (twice as many as are hidden)",
                    table.source, io::shown(table.unique_id), rows, task.backtest, needed);
  std::vector<int64_t> starts;
  for (int64_t i = 0; i < task.backtest; ++i)
    starts.push_back(first + (rows - first) * i / task.backtest + length / 2);
  return starts;
}

/// The table as it would be if nobody had measured the stretches.
io::SeriesTable with_hidden(io::SeriesTable table, const std::vector<int64_t>& starts, int64_t length) {
  const auto width = static_cast<int64_t>(table.variates.size());
  constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t cell = 0; cell < table.filled.size(); ++cell) {
    if (table.filled[cell]) table.values[cell] = kMissing;
  }
  for (const auto start : starts) std::fill_n(table.values.begin() + start * width, length * width, kMissing);
  io::fill_missing_cells(table, io::MissingPolicy::interpolate);
  return table;
}

Json score_hidden(const plan::ForecastTask& task, const ForecastModel& model, const ForecastInputs& inputs,
                  int64_t length, Progress& progress, Stop stop) {
  const auto ids = output_ids(inputs, model);
  io::SeriesOutput out(
      task.output,
      {{"unique_id", Kind::text}, {"ds", Kind::stamp}, {"model", Kind::text}, {"y"}, {"yhat"}, {"linear"}});
  ImputationScore all;
  Json series = Json::object();
  int64_t written = 0;
  progress.begin("series", static_cast<int64_t>(inputs.tables.size()));
  for (std::size_t i = 0; i < inputs.tables.size(); ++i) {
    if (stop.load()) fail<Interrupted>("interrupted, nothing written");
    const auto& table = inputs.tables[i];
    const auto starts = stretches_of(task, model, table, length, progress);
    const auto hidden = with_hidden(table, starts, length);
    const auto imputed = model.reconstruct(hidden);
    io::CsvText csv;
    for (std::size_t c = 0; c < table.variates.size(); ++c) {
      ImputationScore own;
      for (const auto start : starts) {
        auto truth = at::empty({length}, at::kDouble), linear = at::empty({length}, at::kDouble);
        const auto yhat = imputed.narrow(0, start, length).select(1, static_cast<int64_t>(c)).contiguous();
        for (int64_t step = 0; step < length; ++step) {
          const auto row = static_cast<std::size_t>(start + step);
          const double y = table.measured(row, c) ? table.at(row, c) : std::nan("");
          truth[step] = y;
          linear[step] = hidden.at(row, c);
          csv.cell(ids[i][c])
              .cell(out.stamp(table.date_format, table.stamps[row]))
              .cell(model.name())
              .cell(y);
          csv.cell(yhat[step].item<double>()).cell(hidden.at(row, c)).end_row();
          ++written;
        }
        const auto measured = truth.isnan().logical_not();
        for (auto* to : {&all, &own}) {
          to->model.add(yhat, truth, measured);
          to->linear.add(linear, truth, measured);
        }
      }
      series[ids[i][c]] = own.json();
    }
    out.append(csv.text());
    progress.step();
  }
  progress.end();
  out.commit();
  Json result{{"windows", task.backtest}, {"length", length}, {"rows", written}};
  result.update(all.json());
  result["series"] = std::move(series);
  return {{"series", result["series"].size()}, {"rows", written}, {"backtest", std::move(result)}};
}

}  // namespace

Json impute(const plan::ForecastTask& task, ForecastModel& model, Progress& progress, Stop stop) {
  if (task.inputs.size() != 1)
    fail<UsageError>("--impute: {} input files, expected one, whose layout the output takes",
                     task.inputs.size());
  const auto inputs = read_gaps(task, model, progress);
  if (task.backtest == 0) return complete(task, model, inputs, progress, stop);
  constexpr int64_t kPerWindow = 8;
  const auto length = task.horizon.value_or(std::max<int64_t>(1, model.reconstruction_window() / kPerWindow));
  return score_hidden(task, model, inputs, length, progress, stop);
}

}  // namespace arzoo::forecast
