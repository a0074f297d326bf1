#include "plan/stream_request.h"

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

}  // namespace

StreamRequest::StreamRequest(std::string_view line) : request_(Config::parse(line, "stdin")) {
  request_.only({"id", "ds", "values", "horizon"});
}

const Json* StreamRequest::id() const { return request_.has("id") ? &request_.json().at("id") : nullptr; }

std::int64_t StreamRequest::horizon(std::int64_t otherwise) const {
  if (request_.has("horizon")) request_.at("horizon").read(otherwise, between(1, kLongestHorizon));
  return otherwise;
}

std::vector<double> StreamRequest::values(std::size_t variates) const {
  const auto rows = request_.at("values");
  std::vector<double> values;
  for (std::size_t i = 0; i < rows.size(); ++i) append_row(rows.element(i), variates, values);
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
