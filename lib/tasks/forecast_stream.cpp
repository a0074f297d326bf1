#include "tasks/forecast_stream.h"

#include <torch/torch.h>

#include <iostream>

#include "core/display_text.h"
#include "core/line_reader.h"

namespace arzoo::tasks {
namespace {

using forecast::ForecastModel;

constexpr std::size_t kShownColumns = 60;

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

Json too_long() {
  return {{"error",
           fmt::format("stdin: a line of more than {} bytes (send fewer rows)", plan::kLongestStreamLine)}};
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
    const plan::StreamRequest request(line);
    if (const auto* id = request.id()) reply["id"] = *id;
    const auto horizon = request.horizon(horizon_);
    const auto table = read_window(request);
    const auto forecast = model_.forecast({table}, horizon, task_.levels).front();
    if (!forecast.mean.isfinite().all().item<bool>())
      request.reject("the forecast is not finite (are the model's weights and the last values?)");
    if (request.last_stamp(table.rows())) {
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

SeriesTable ForecastStream::read_window(const plan::StreamRequest& request) {
  SeriesTable table;
  table.source = "stdin";
  table.variates = model_.variates();
  table.frequency = frequency_;
  table.values = request.values(table.variates.size());
  table.stamps = read_stamps(request, static_cast<int64_t>(table.values.size() / table.variates.size()));
  return table;
}

/// Only the last stamp counts: rows before it are one step of the frequency apart.
std::vector<Timestamp> ForecastStream::read_stamps(const plan::StreamRequest& request, int64_t rows) {
  Timestamp last;
  if (const auto ds = request.last_stamp(static_cast<std::size_t>(rows))) {
    const auto read = stamps_.read(ds->text());
    if (!read)
      ds->reject(fmt::format("expected a time stamp, got \"{}\"", shortened(ds->text(), kShownColumns)));
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

}  // namespace arzoo::tasks
