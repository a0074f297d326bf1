#include <torch/torch.h>

#include <chrono>
#include <set>

#include "core/display_text.h"
#include "core/run_dir.h"
#include "core/text_output.h"
#include "forecast/forecast_folder.h"
#include "forecast/forecast_model.h"
#include "forecast/series_sources.h"
#include "io/csv.h"
#include "io/series_table.h"
#include "plan/run_config.h"
#include "tasks/backtest.h"
#include "tasks/finite_forecasts.h"
#include "tasks/forecast_chart.h"
#include "tasks/forecast_columns.h"
#include "tasks/forecast_ids.h"
#include "tasks/forecast_inputs.h"
#include "tasks/forecast_stream.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {
namespace {

using forecast::ForecastModel;
using forecast::SeriesForecast;

/// Tables whose forecasts are held at a time, until their rows are written; a multiple of a batch.
constexpr std::size_t kTablesAtOnce = 512;

/// Bytes of rows that are held before they are written.
constexpr std::size_t kMostText = std::size_t{1} << 20;

/// What --config names: a model's config.json, or a run's. Of a run it is that of the model beside it;
/// without one, what the data that the run names tell: shape, columns, scalers.
std::optional<Config> read_config(const plan::ForecastTask& task, Progress& progress) {
  if (!task.config) return std::nullopt;
  auto config = Config::load(*task.config);
  const auto& json = config.json();
  const bool is_run = !config.has("family") && config.has("data") && json.at("data").is_object();
  if (!is_run) return config;
  const auto folder = task.config->parent_path();
  if (const auto model = model_place(folder); model != folder) return Config::load(model / "config.json");
  const Config run(plan::resolve_run_config(config, folder), config.name());
  const auto options = run.at("data").as<forecast::DataOptions>();
  std::vector<std::string> notes;
  const forecast::SeriesData data(forecast::read_sources(options, notes), options);
  for (const auto& note : notes) progress.note(note);
  return Config(forecast::model_config(run, data), config.name());
}

/// Takes the series of too few rows out of `inputs` and says which. Throws DataError if none is left.
void leave_out_short(int64_t needed, ForecastInputs& inputs, Progress& progress) {
  ForecastInputs longer;
  longer.skipped = std::move(inputs.skipped);
  for (std::size_t i = 0; i < inputs.tables.size(); ++i) {
    auto& table = inputs.tables[i];
    if (static_cast<int64_t>(table.rows()) < needed) {
      longer.skipped.push_back(table.unique_id);
      continue;
    }
    longer.tables.push_back(std::move(table));
    longer.is_long.push_back(inputs.is_long[i]);
  }
  inputs = std::move(longer);
  if (inputs.skipped.empty()) return;
  const auto short_ones = fmt::format("{} series of fewer than {} rows: {}", inputs.skipped.size(), needed,
                                      first_few(inputs.skipped, io::shown));
  if (inputs.tables.empty()) fail<DataError>("--skip-short: leaves no series, all are short: {}", short_ones);
  progress.warn(fmt::format("left out {}", short_ones));
}

/// One short series of many need not end the work.
void require_long_enough(int64_t needed, const ForecastInputs& inputs) {
  if (inputs.tables.size() < 2) return;  // the model says what it needs
  for (const auto& table : inputs.tables) {
    if (static_cast<int64_t>(table.rows()) < needed)
      fail<DataError>(
          "{}: series {} has {} rows, expected at least {} (give it more rows, or leave such series out with "
          "--skip-short)",
          table.source, io::shown(table.unique_id), table.rows(), needed);
  }
}

/// The rows of one table. samples: columns of each variate's paths.
void write_rows(TextOutput& out, const io::SeriesTable& table, const SeriesForecast& forecast,
                const std::string& model, const std::vector<std::string>& ids, SampleColumns& samples) {
  const auto mean = forecast.mean.accessor<double, 2>();
  io::CsvText csv;
  for (std::size_t c = 0; c < ids.size(); ++c) {
    const auto channel = static_cast<int64_t>(c);
    const auto paths = samples.next(forecast, channel);
    for (std::size_t step = 0; step < forecast.stamps.size(); ++step) {
      const auto row = static_cast<int64_t>(step);
      csv.cell(ids[c])
          .cell(table.date_format.format(forecast.stamps[step]))
          .cell(model)
          .cell(mean[row][channel]);
      const auto number = [&](const at::Tensor& values) {
        return values.accessor<double, 2>()[row][channel];
      };
      for (const auto& [level, low, high] : forecast.intervals) csv.cell(number(low)).cell(number(high));
      for (const auto& [level, values] : forecast.quantiles) csv.cell(number(values));
      if (paths.defined()) {
        const double* values = paths.const_data_ptr<double>() + row * paths.size(1);
        for (int64_t path = 0; path < paths.size(1); ++path) csv.cell(values[path]);
      }
      csv.end_row();
      if (csv.text().size() < kMostText) continue;
      out.append(csv.text());
      csv = io::CsvText();
    }
  }
  out.append(csv.text());
}

/// Writes the forecasts of all tables, group by group, and returns those that charts are made of.
std::vector<SeriesForecast> write_forecasts(const plan::ForecastTask& task, const ForecastModel& model,
                                            const std::vector<io::SeriesTable>& tables,
                                            const std::vector<std::vector<std::string>>& ids, int64_t horizon,
                                            std::span<const forecast::KnownAhead> ahead, TextOutput& out,
                                            Progress& progress, Stop stop) {
  std::vector<SeriesForecast> kept;
  FiniteForecasts finite;
  const bool shown = tables.size() > kTablesAtOnce;
  if (shown) progress.begin("series", static_cast<int64_t>(tables.size()));
  io::CsvText header;
  header.cell("unique_id").cell("ds").cell("model").cell("yhat");
  add_column_names(header, task);
  header.end_row();
  out.append(header.text());
  const auto levels = asked_levels(task);
  SampleColumns samples(task, model);
  for (std::size_t first = 0; first < tables.size(); first += kTablesAtOnce) {
    if (stop.load()) fail<Interrupted>("interrupted, nothing written");
    const auto group = std::span(tables).subspan(first, std::min(kTablesAtOnce, tables.size() - first));
    const auto known = ahead.empty() ? ahead : ahead.subspan(first, group.size());
    auto forecasts = model.forecast(group, horizon, levels, known);
    for (std::size_t i = 0; i < group.size(); ++i) finite.look_at(forecasts[i], ids[first + i]);
    for (std::size_t i = 0; i < group.size(); ++i)
      write_rows(out, group[i], forecasts[i], model.name(), ids[first + i], samples);
    if (task.plot) std::move(forecasts.begin(), forecasts.end(), std::back_inserter(kept));
    if (shown) progress.step({}, static_cast<int64_t>(group.size()));
  }
  if (shown) progress.end();
  finite.report(task.model.string(), progress);
  return kept;
}

Json plan_of(const plan::ForecastTask& task, const ForecastModel& model, int64_t horizon) {
  Json plan{{"model", model.name()},
            {"parameters", model.parameters()},
            {model.is_zero_shot() ? "most_context" : "seq_len", model.most_context(horizon)},
            {"horizon", horizon},
            {"files", task.inputs.size()},
            {"intervals", model.has_intervals()}};
  const auto parts = to_json(model.roles());
  for (const auto& [part, columns] : parts.items()) {
    if (!columns.empty()) plan[part] = columns;
  }
  // A zero-shot model plans its passes itself.
  if (!model.is_zero_shot()) plan["rounds"] = (horizon + model.shape().pred_len - 1) / model.shape().pred_len;
  return plan;
}

}  // namespace

Json forecast(const plan::ForecastTask& task, Progress& progress, Stop stop) {
  const auto start = std::chrono::steady_clock::now();
  const auto compute =
      runtime::select_compute(task.compute.device, task.compute.dtype, task.compute.quantize);
  runtime::set_threads(task.compute.threads);
  runtime::seed(task.compute.seed.value_or(0));
  auto model = ForecastModel::open(task.model, read_config(task, progress), compute, task.state_dict);
  if (!task.settings.empty()) model.configure(Config::parse("{}", "--set", task.settings));
  const int64_t horizon = task.horizon.value_or(model.shape().pred_len);
  require_distribution(task, model, horizon);
  if (task.dry_run) return {{"plan", plan_of(task, model, horizon)}};
  if (task.stream) return stream_forecasts(task, model, horizon, stop);

  auto inputs = read_inputs(task, model, progress);
  const auto needed = model.least_context() + task.backtest * horizon;
  if (task.skip_short)
    leave_out_short(needed, inputs, progress);
  else
    require_long_enough(needed, inputs);
  const auto& tables = inputs.tables;
  const auto ids = output_ids(inputs, model);
  Json result{{"output", task.output.string()}, {"series", 0}, {"rows", 0}, {"horizon", horizon}};
  int64_t series = 0;
  for (const auto& names : ids) series += static_cast<int64_t>(names.size());
  TextOutput out(task.output);
  std::vector<SeriesForecast> charted;
  if (task.backtest > 0) {
    io::CsvText csv;
    result["backtest"] = backtest(task, model, tables, ids, horizon, csv, progress, charted);
    result["rows"] = result["backtest"]["rows"];
    out.append(csv.text());
  } else {
    const auto ahead = read_known_ahead(task, model, tables, horizon, progress);
    charted = write_forecasts(task, model, tables, ids, horizon, ahead, out, progress, stop);
    result["rows"] = series * horizon;
  }
  if (stop.load()) fail<Interrupted>("interrupted, nothing written");
  out.commit();
  // Behind the rows, which a chart that cannot be written must not cost.
  if (task.plot) result["plots"] = write_charts(*task.plot, tables, charted, ids);
  if (task.skip_short) result["skipped"] = inputs.skipped;
  result["series"] = series;
  result["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace arzoo::tasks
