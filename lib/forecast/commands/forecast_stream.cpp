#include "forecast/commands/forecast_stream.h"

#include <torch/torch.h>

#include <iostream>
#include <utility>

#include "core/display_text.h"
#include "core/line_reader.h"
#include "forecast/commands/forecast_columns.h"
#include "io/csv.h"
#include "io/time_axis.h"

namespace arzoo::forecast {
namespace {

Json numbers_json(const at::Tensor& values) {
  const auto cells = values.accessor<double, 2>();
  Json rows = Json::array();
  for (int64_t t = 0; t < cells.size(0); ++t) {
    if (cells.size(1) == 1) {
      rows.push_back(cells[t][0]);
      continue;
    }
    Json row = Json::array();
    for (int64_t c = 0; c < cells.size(1); ++c) row.push_back(cells[t][c]);
    rows.push_back(std::move(row));
  }
  return rows;
}

Json too_long() {
  return {{"error",
           fmt::format("stdin: a line of more than {} bytes (send fewer rows)", plan::kLongestStreamLine)}};
}

/// The same format with month and day exchanged; empty where their places are beyond doubt.
std::string other_order(const io::DateFormat& format) {
  std::string pattern = format.pattern();
  const bool in_doubt = pattern.starts_with("m/d/Y") || pattern.starts_with("d/m/Y") ||
                        pattern.starts_with("m-d-Y") || pattern.starts_with("d-m-Y");
  if (!in_doubt) return {};
  std::swap(pattern[0], pattern[2]);
  return pattern;
}

/// A request has the numbers of the history and nothing else.
void require_rows_alone(const ForecastModel& model) {
  const auto refuse = [&](const std::vector<std::string>& columns, const char* what) {
    if (!columns.empty())
      fail<UsageError>(
          "--stream: the model {} was trained with {} ({}), which a request cannot give (forecast "
          "a file)",
          model.name(), what, first_few(columns, io::shown));
  };
  refuse(model.roles().future, "covariates that are known ahead");
  refuse(model.roles().statics, "static covariates");
  std::vector<std::string> texts;
  for (const auto& column : model.categories() ? *model.categories() : std::vector<io::CategoryColumn>())
    texts.push_back(column.name);
  refuse(texts, "covariates of texts");
}

}  // namespace

io::Timestamp StampReader::read(const std::string& text) {
  auto reading = format_.read(text);
  if (!reading) {
    const auto formats = io::DateFormat::matching(text);
    if (formats.empty())
      fail<DataError>("{} is not a date, expected {}", io::shown(text), io::DateFormat::known());
    format_ = formats.front();
    reading = format_.read(text);
  }
  if (!reading->whole_seconds)
    fail<DataError>("{} holds a fraction of a second, expected whole seconds", io::shown(text));
  const auto other = other_order(format_);
  const auto exchanged = other.empty() ? std::nullopt : io::DateFormat(other).read(text);
  if (exchanged && exchanged->stamp != reading->stamp)
    fail<DataError>("{} may be {} or {} (write YYYY-MM-DD)", io::shown(text), format_.layout(),
                    io::DateFormat(other).layout());
  // One stamp's zone and digits say nothing of the next one's.
  format_ = io::DateFormat(format_.pattern());
  format_.adopt(*reading);
  return reading->stamp;
}

ForecastStream::ForecastStream(const plan::ForecastTask& task, const ForecastModel& model, int64_t horizon)
    : levels_(asked_levels(task)), model_(model), horizon_(horizon) {
  require_rows_alone(model);
  if (!task.freq.empty())
    frequency_ = io::parse_frequency(task.freq);
  else if (!model.is_zero_shot())
    frequency_ = model.frequency();
}

Json ForecastStream::answer(const std::string& line) {
  Json reply = Json::object();
  try {
    plan::StreamRequest request(line, model_.variates().size());
    if (auto id = request.take_id()) reply["id"] = std::move(*id);
    const auto horizon = request.horizon(horizon_);
    const auto table = read_window(request);
    const auto forecast = model_.forecast(std::span(&table, 1), horizon, levels_).front();
    if (!forecast.mean.isfinite().all().item<bool>())
      request.reject("the forecast is not finite (are the model's weights and the last values?)");
    if (request.last_stamp(table.rows())) {
      for (const auto stamp : forecast.stamps) reply["ds"].push_back(stamps_.format().format(stamp));
    }
    reply["yhat"] = numbers_json(forecast.mean);
    for (const auto& [level, low, high] : forecast.intervals) {
      reply[fmt::format("lo-{:g}", level)] = numbers_json(low);
      reply[fmt::format("hi-{:g}", level)] = numbers_json(high);
    }
    for (const auto& [level, values] : forecast.quantiles)
      reply[fmt::format("q-{:g}", level)] = numbers_json(values);
  } catch (const Error& error) {
    reply["error"] = error.what();
  }
  return reply;
}

io::SeriesTable ForecastStream::read_window(plan::StreamRequest& request) {
  io::SeriesTable table;
  table.source = "stdin";
  table.variates = model_.variates();
  table.values = request.take_values();
  const auto rows = static_cast<int64_t>(table.values.size() / table.variates.size());
  // Only the last stamp counts: rows before it are one step of the frequency apart.
  const io::Timestamp last = read_last_stamp(request, rows);
  table.frequency = io::anchored(frequency_.value_or(io::Frequency{}), {&last, 1});
  table.stamps.reserve(static_cast<std::size_t>(rows));
  for (int64_t back = rows - 1; back >= 0; --back)
    table.stamps.push_back(advance(last, table.frequency, -back));
  return table;
}

io::Timestamp ForecastStream::read_last_stamp(const plan::StreamRequest& request, int64_t rows) {
  if (const auto ds = request.last_stamp(static_cast<std::size_t>(rows))) return read_stamp(*ds);
  if (model_.shape().marks > 0) {
    request.reject(
        "the key \"ds\" is missing (the model has calendar features: give the last row's time stamp)");
  }
  return {};
}

io::Timestamp ForecastStream::read_stamp(const Config& ds) {
  io::Timestamp stamp;
  try {
    stamp = stamps_.read(ds.text());
  } catch (const DataError& error) {
    ds.reject(error.what());
  }
  if (!frequency_)
    ds.reject("the model forecasts rows of any spacing, which one stamp does not show (give it with --freq)");
  if (!stamps_.format().shows(advance(stamp, *frequency_, 1)))
    ds.reject(fmt::format("dates written {} cannot show a step of {} (write the time of day as well)",
                          stamps_.format().layout(), io::step_name(*frequency_)));
  return stamp;
}

Json stream_forecasts(const plan::ForecastTask& task, const ForecastModel& model, int64_t horizon,
                      Stop stop) {
  ForecastStream stream(task, model, horizon);
  int64_t lines = 0, failed = 0;
  std::ios::sync_with_stdio(false);
  for (std::string line; !stop.load();) {
    const auto read = next_line(std::cin, line, plan::kLongestStreamLine);
    if (read == LineRead::end) break;
    if (read == LineRead::whole && line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto reply = read == LineRead::whole ? stream.answer(line) : too_long();
    failed += reply.contains("error") ? 1 : 0;
    ++lines;
    std::cout << dump_json(reply) << '\n' << std::flush;
    if (!std::cout) break;
  }
  return {{"lines", lines}, {"failed", failed}};
}

}  // namespace arzoo::forecast
