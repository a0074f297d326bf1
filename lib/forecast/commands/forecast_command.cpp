#include "forecast/commands/forecast_command.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>

#include "core/run_dir.h"
#include "forecast/commands/auto_forecast.h"
#include "forecast/commands/backtest.h"
#include "forecast/commands/detect.h"
#include "forecast/commands/finite_forecasts.h"
#include "forecast/commands/forecast_chart.h"
#include "forecast/commands/forecast_columns.h"
#include "forecast/commands/forecast_ids.h"
#include "forecast/commands/forecast_inputs.h"
#include "forecast/commands/forecast_stream.h"
#include "forecast/commands/impute.h"
#include "forecast/data/series_sources.h"
#include "forecast/forecast_folder.h"
#include "forecast/forecast_model.h"
#include "io/csv.h"
#include "io/series_files.h"
#include "io/series_output.h"
#include "io/series_table.h"
#include "plan/run_config.h"

namespace arzoo::forecast {
namespace {

/// Tables whose forecasts are held at a time, until their rows are written; a multiple of a batch.
constexpr std::size_t kTablesAtOnce = 512;

/// The size of the groups that are forecast together and shared out: small for few tables, so that each of
/// several processes has some. It depends on the input alone, so that shards compute what one process does.
std::size_t group_size(std::size_t tables, bool gains_from_company) {
  constexpr std::size_t kLeast = 32, kGroups = 16;
  if (gains_from_company) return kTablesAtOnce;
  const auto wanted = (tables / kGroups + kLeast - 1) / kLeast * kLeast;
  return std::clamp(wanted, kLeast, kTablesAtOnce);
}

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
  const auto options = run.at("data").as<DataOptions>();
  std::vector<std::string> notes;
  const SeriesData data(read_sources(options, notes), options);
  for (const auto& note : notes) progress.note(note);
  return Config(model_config(run, data), config.name());
}

std::vector<io::OutputColumn> forecast_columns(const plan::ForecastTask& task) {
  using Kind = io::OutputColumn::Kind;
  std::vector<io::OutputColumn> columns{
      {"unique_id", Kind::text}, {"ds", Kind::stamp}, {"model", Kind::text}, {"yhat"}};
  add_level_columns(columns, task);
  return columns;
}

/// What came of all series.
struct Forecasted {
  int64_t series = 0;
  std::vector<SeriesForecast> charted;  ///< with --plot
  std::vector<std::string> skipped, padded;
};

/// Writes the forecasts of series, group by group.
class ForecastWriter {
 public:
  ForecastWriter(const plan::ForecastTask& task, const ForecastModel& model, int64_t horizon,
                 io::SeriesOutput& out, Progress& progress, Stop stop)
      : task_(task),
        model_(model),
        horizon_(horizon),
        out_(out),
        progress_(progress),
        stop_(stop),
        samples_(task, model) {}

  /// Those groups of the tables that are this process's.
  void write(const ForecastInputs& inputs, const std::vector<std::vector<std::string>>& ids,
             std::span<const KnownAhead> ahead) {
    const auto& tables = inputs.tables;
    const auto levels = asked_levels(task_);
    const auto at_once = group_size(tables.size(), model_.gains_from_company());
    const auto group_at = [&](std::size_t first) {
      return std::span(tables).subspan(first, std::min(at_once, tables.size() - first));
    };
    const auto is_own = [&](std::size_t first) {
      const double part = static_cast<double>(first) / static_cast<double>(tables.size());
      return task_.share.has(inputs.begin + (inputs.end - inputs.begin) * part);
    };
    std::size_t own = 0;
    for (std::size_t first = 0; first < tables.size(); first += at_once) {
      if (is_own(first)) own += group_at(first).size();
    }
    const bool shown = own > kTablesAtOnce;
    if (shown) progress_.begin("series", static_cast<int64_t>(own));
    for (std::size_t first = 0; first < tables.size(); first += at_once) {
      if (stop_.load()) fail<Interrupted>("interrupted, nothing written");
      const auto group = group_at(first);
      if (!is_own(first)) {
        for (std::size_t i = 0; i < group.size(); ++i) samples_.skip(ids[first + i].size());
        continue;
      }
      const auto known = ahead.empty() ? ahead : ahead.subspan(first, group.size());
      auto forecasts = model_.forecast(group, horizon_, levels, known);
      for (std::size_t i = 0; i < group.size(); ++i) finite_.look_at(forecasts[i], ids[first + i]);
      for (std::size_t i = 0; i < group.size(); ++i) write_rows(group[i], forecasts[i], ids[first + i]);
      flush();
      if (task_.plot) std::move(forecasts.begin(), forecasts.end(), std::back_inserter(all_.charted));
      if (shown) progress_.step({}, static_cast<int64_t>(group.size()));
    }
    if (shown) progress_.end();
  }
  Forecasted finish() {
    finite_.report(task_.model.string(), progress_);
    return std::move(all_);
  }

 private:
  /// The rows of one table.
  void write_rows(const io::SeriesTable& table, const SeriesForecast& forecast,
                  const std::vector<std::string>& ids) {
    for (std::size_t c = 0; c < ids.size(); ++c) {
      const auto channel = static_cast<int64_t>(c);
      const auto paths = samples_.next(forecast, channel);
      for (std::size_t step = 0; step < forecast.stamps.size(); ++step) {
        csv_.cell(ids[c]).cell(out_.stamp(table.date_format, forecast.stamps[step])).cell(model_.name());
        write_numbers(forecast, static_cast<int64_t>(step), channel, paths);
        csv_.end_row();
        if (csv_.text().size() >= kMostText) flush();
      }
    }
    all_.series += static_cast<int64_t>(ids.size());
  }
  /// paths: [horizon, samples] of the variate, undefined when none are asked for.
  void write_numbers(const SeriesForecast& forecast, int64_t row, int64_t channel, const at::Tensor& paths) {
    const auto number = [&](const at::Tensor& values) { return values.accessor<double, 2>()[row][channel]; };
    csv_.cell(number(forecast.mean));
    for (const auto& [level, low, high] : forecast.intervals) csv_.cell(number(low)).cell(number(high));
    for (const auto& [level, values] : forecast.quantiles) csv_.cell(number(values));
    if (!paths.defined()) return;
    const double* values = paths.const_data_ptr<double>() + row * paths.size(1);
    for (int64_t path = 0; path < paths.size(1); ++path) csv_.cell(values[path]);
  }
  void flush() {
    out_.append(csv_.text());
    csv_ = io::CsvText();
  }

  const plan::ForecastTask& task_;
  const ForecastModel& model_;
  int64_t horizon_;
  io::SeriesOutput& out_;
  Progress& progress_;
  Stop stop_;
  SampleColumns samples_;
  io::CsvText csv_;  ///< rows that are not written yet
  FiniteForecasts finite_;
  Forecasted all_;
};

/// Forecasts a file part by part. Throws io::PartsDisagree, with nothing written but to standard output.
Forecasted forecast_parts(const plan::ForecastTask& task, ForecastModel& model, int64_t horizon,
                          bool in_parts, Progress& progress, Stop stop) {
  InputReader reader(task, model, model.least_context(), in_parts, progress);
  // A file that cannot be read must not have begun an output.
  auto inputs = reader.next();
  io::SeriesOutput out(task.output, forecast_columns(task));
  ForecastWriter writer(task, model, horizon, out, progress, stop);
  while (inputs) {
    writer.write(*inputs, output_ids(*inputs, model), {});
    inputs.reset();  // before the next part is read: memory holds one
    inputs = reader.next();
  }
  reader.finish();
  auto all = writer.finish();
  all.skipped = reader.skipped();
  all.padded = reader.padded();
  if (stop.load()) fail<Interrupted>("interrupted, nothing written");
  out.commit();
  return all;
}

/// A forecast that needs no more than one look at each series.
Json forecast_series(const plan::ForecastTask& task, ForecastModel& model, int64_t horizon,
                     Progress& progress, Stop stop) {
  const auto& input = task.inputs.front();
  const bool is_file = plan::fs::is_regular_file(input);
  // A pipe cannot be read again; of those only stdin, which promises to be in order, is read in parts.
  const bool in_parts = is_file || input == io::kStandardStream;
  const bool again = is_file && task.output != io::kStandardStream;
  Forecasted all;
  try {
    all = forecast_parts(task, model, horizon, in_parts, progress, stop);
  } catch (const io::PartsDisagree& error) {
    if (!again) throw;
    progress.detail(fmt::format("{}: reading the file whole", error.what()));
    all = forecast_parts(task, model, horizon, /*in_parts=*/false, progress, stop);
  }
  Json result{{"series", all.series}, {"rows", all.series * horizon}};
  if (task.skip_short) result["skipped"] = all.skipped;
  if (task.pad_short) result["padded"] = all.padded;
  return result;
}

/// What needs all series at once: a backtest, charts, a table of the future.
Json forecast_all(const plan::ForecastTask& task, ForecastModel& model, int64_t horizon,
                  const runtime::CommandContext& context) {
  auto& progress = context.progress;
  Stop stop = context.stop;
  InputReader reader(task, model, model.least_context() + rows_of_backtest(task, horizon), /*in_parts=*/false,
                     progress);
  const auto inputs = *reader.next();
  reader.finish();
  const auto& tables = inputs.tables;
  const auto ids = output_ids(inputs, model);
  int64_t series = 0;
  for (const auto& names : ids) series += static_cast<int64_t>(names.size());
  Json result{{"series", series}, {"rows", series * horizon}};
  std::vector<SeriesForecast> charted;
  if (task.backtest > 0) {
    io::SeriesOutput out(task.output, backtest_columns(task));
    io::CsvText csv;
    result["backtest"] = backtest(task, model, tables, ids, horizon, out, csv, context, charted);
    result["rows"] = result["backtest"]["rows"];
    out.append(csv.text());
    if (stop.load()) fail<Interrupted>("interrupted, nothing written");
    out.commit();
  } else {
    const auto ahead = read_known_ahead(task, model, tables, horizon, progress);
    io::SeriesOutput out(task.output, forecast_columns(task));
    ForecastWriter writer(task, model, horizon, out, progress, stop);
    writer.write(inputs, ids, ahead);
    auto all = writer.finish();
    charted = std::move(all.charted);
    result["series"] = all.series;
    result["rows"] = all.series * horizon;
    if (stop.load()) fail<Interrupted>("interrupted, nothing written");
    out.commit();
  }
  // Behind the rows, which a chart that cannot be written must not cost.
  if (task.plot) result["plots"] = write_charts(*task.plot, tables, charted, ids);
  if (task.skip_short) result["skipped"] = reader.skipped();
  if (task.pad_short) result["padded"] = reader.padded();
  return result;
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

Json run_forecast(const plan::ForecastTask& given, const runtime::CommandContext& context) {
  auto& progress = context.progress;
  Stop stop = context.stop;
  if (!given.keep.empty()) {
    Json found;
    runtime::set_threads(given.compute.threads);
    auto task = find_ensemble(given, found, context);
    task.keep.clear();
    auto result = run_forecast(task, context);
    result["search"] = std::move(found);
    return result;
  }
  const auto& task = given;
  const auto start = std::chrono::steady_clock::now();
  const auto compute =
      runtime::select_compute(task.compute.device, task.compute.dtype, task.compute.quantize);
  runtime::set_threads(task.compute.threads);
  runtime::seed(task.compute.seed.value_or(0));
  auto model = ForecastModel::open(task.model, read_config(task, progress), compute, task.state_dict);
  if (!task.settings.empty()) model.configure(Config::parse("{}", "--set", task.settings));
  if (!task.horizon && model.shape().pred_len == 0)
    fail<UsageError>("--horizon is required: {} forecasts any number of steps", model.name());
  if (model.is_zero_shot()) model.set_season(task.season);
  const int64_t horizon = task.horizon.value_or(model.shape().pred_len);
  if (!task.impute && !task.detect) require_distribution(task, model, horizon);
  if (task.dry_run) return {{"plan", plan_of(task, model, horizon)}};
  if (task.stream) return stream_forecasts(task, model, horizon, stop);

  const bool parts = task.backtest == 0 && !task.plot && !task.future;
  Json result{{"output", task.output.string()}, {"horizon", horizon}};
  result.update(task.impute   ? impute(task, model, progress, stop)
                : task.detect ? detect(task, model, progress, stop)
                : parts       ? forecast_series(task, model, horizon, progress, stop)
                              : forecast_all(task, model, horizon, context));
  if (auto decoding = model.decoding(); !decoding.is_null()) result["decoding"] = std::move(decoding);
  result["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace arzoo::forecast
