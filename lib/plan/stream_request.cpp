#include "plan/stream_request.h"

#include "core/display_text.h"

namespace arzoo::plan {
namespace {

constexpr std::int64_t kLongestHorizon = 1 << 20;

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

/// The line's object without its "id", which may be of any kind and size and so is not copied.
Json read_object(std::string_view line, JsonRows& rows, std::optional<Json>& id) {
  // Less than any file has: an answer holds the id and its text beside the line.
  JsonLimits limits;
  limits.memory_floor = std::size_t{16} << 20;
  limits.memory_per_byte = 5;
  constexpr std::size_t kShownColumns = 60;
  auto request = read_json<ConfigError>(line, "stdin", limits, &rows);
  if (!request.is_object()) {
    fail<ConfigError>("stdin: expected an object at the top, got {}",
                      shortened(dump_json(request), kShownColumns));
  }
  if (const auto found = request.find("id"); found != request.end()) {
    id = std::move(*found);
    request.erase(found);
  }
  return request;
}

}  // namespace

StreamRequest::StreamRequest(std::string_view line, std::size_t variates)
    : rows_{"values", variates}, request_(read_object(line, rows_, id_), "stdin") {
  request_.only({"id", "ds", "values", "horizon"});
}

std::int64_t StreamRequest::horizon(std::int64_t otherwise) const {
  if (request_.has("horizon")) request_.at("horizon").read(otherwise, between(1, kLongestHorizon));
  return otherwise;
}

std::vector<double> StreamRequest::take_values() {
  const auto rows = request_.at("values");
  if (rows_.found) return std::move(rows_.numbers);
  // A list that is empty or wrong somewhere.
  std::vector<double> values;
  for (std::size_t i = 0; i < rows.size(); ++i) append_row(rows.element(i), rows_.width, values);
  return values;
}

std::optional<Config> StreamRequest::last_stamp(std::size_t rows) const {
  if (!request_.has("ds")) return std::nullopt;
  const auto ds = request_.at("ds");
  if (!ds.json().is_array()) return ds;
  if (ds.size() != rows || rows == 0) ds.reject(fmt::format("expected one stamp, or one per row ({})", rows));
  return ds.element(rows - 1);
}

}  // namespace arzoo::plan
