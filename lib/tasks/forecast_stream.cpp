#include "tasks/forecast_stream.h"

#include <torch/torch.h>

#include <iostream>

namespace arzoo::tasks {
namespace {

using forecast::ForecastModel;

constexpr int64_t kLongestHorizon = 1 << 20;

/// Reads one row's numbers into the table.
void append_row(const Config& row, std::size_t variates, std::vector<double>& values) {
  double number = 0.0;
  if (variates == 1 && row.json().is_number()) {
    row.read(number, {});
    values.push_back(number);
    return;
  }
  std::vector<double> numbers;
  row.read(numbers, {});
  if (numbers.size() != variates)
    row.reject(fmt::format("expected {} numbers, one per variate, got {}", variates, numbers.size()));
  values.insert(values.end(), numbers.begin(), numbers.end());
}

Json numbers(const at::Tensor& values) {
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

}  // namespace

std::optional<Timestamp> StampReader::read(const std::string& text) {
  if (const auto reading = format_.read(text)) return reading->stamp;
  const auto formats = DateFormat::matching(text);
  if (formats.empty()) return std::nullopt;
  format_ = formats.front();
  return format_.read(text)->stamp;
}

ForecastStream::ForecastStream(const plan::ForecastTask& task, const ForecastModel& model, int64_t horizon)
    : task_(task), model_(model), horizon_(horizon), frequency_(model.frequency()) {
  if (!task.freq.empty()) frequency_ = parse_frequency(task.freq);
}

Json ForecastStream::answer(const std::string& line) {
  Json reply = Json::object();
  try {
    const auto request = Config::parse(line, "stdin");
    request.only({"id", "ds", "values", "horizon"});
    if (request.has("id")) reply["id"] = request.json().at("id");
    int64_t horizon = horizon_;
    if (request.has("horizon")) request.at("horizon").read(horizon, between(1, kLongestHorizon));
    const auto table = read_window(request);
    const auto forecast = model_.forecast({table}, horizon, task_.levels).front();
    if (request.has("ds")) {
      for (const auto stamp : forecast.stamps) reply["ds"].push_back(stamps_.format().format(stamp));
    }
    reply["yhat"] = numbers(forecast.mean);
    for (const auto& [level, half] : forecast.half_widths) {
      reply[fmt::format("lo-{:g}", level)] = numbers(forecast.mean - half);
      reply[fmt::format("hi-{:g}", level)] = numbers(forecast.mean + half);
    }
  } catch (const Error& error) {
    reply["error"] = error.what();
  }
  return reply;
}

SeriesTable ForecastStream::read_window(const Config& request) {
  SeriesTable table;
  table.source = "stdin";
  table.variates = model_.variates();
  table.frequency = frequency_;
  const auto rows = request.at("values").elements();
  for (const auto& row : rows) append_row(row, table.variates.size(), table.values);
  table.stamps = read_stamps(request, static_cast<int64_t>(rows.size()));
  return table;
}

/// Only the last stamp counts: rows before it are one step of the frequency apart.
std::vector<Timestamp> ForecastStream::read_stamps(const Config& request, int64_t rows) {
  Timestamp last;
  if (request.has("ds")) {
    auto ds = request.at("ds");
    if (ds.json().is_array()) {
      if (static_cast<int64_t>(ds.json().size()) != rows || rows == 0)
        ds.reject(fmt::format("expected one stamp, or one per row ({})", rows));
      ds = Config(ds.json().back(), ds.name(), ds.pointer());
    }
    const auto read = stamps_.read(ds.text());
    if (!read) ds.reject(fmt::format("expected a time stamp, got \"{}\"", ds.text()));
    last = *read;
  } else if (model_.shape().marks > 0) {
    request.reject(
        "the key \"ds\" is missing (the model has calendar features: give the last row's time stamp)");
  }
  std::vector<Timestamp> stamps;
  for (int64_t back = rows - 1; back >= 0; --back) stamps.push_back(advance(last, frequency_, -back));
  return stamps;
}

Json stream_forecasts(const plan::ForecastTask& task, const ForecastModel& model, int64_t horizon,
                      Stop stop) {
  ForecastStream stream(task, model, horizon);
  int64_t lines = 0, failed = 0;
  std::ios::sync_with_stdio(false);
  for (std::string line; !stop.load() && std::getline(std::cin, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto reply = stream.answer(line);
    failed += reply.contains("error") ? 1 : 0;
    ++lines;
    std::cout << reply.dump() << '\n' << std::flush;
    if (!std::cout) break;
  }
  return {{"lines", lines}, {"failed", failed}};
}

}  // namespace arzoo::tasks
