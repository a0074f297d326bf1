#include "forecast/commands/injected_anomalies.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "io/frequency.h"
#include "runtime/metrics.h"

namespace arzoo::forecast {
namespace {

constexpr std::array<int64_t, 3> kSizes{2, 4, 8};

Json share(int64_t part, int64_t all) {
  return all > 0 ? Json(static_cast<double>(part) / static_cast<double>(all)) : Json(nullptr);
}

double naive_error(const io::SeriesTable& table, std::size_t variate) {
  auto values = at::empty({static_cast<int64_t>(table.rows()), 1}, at::kDouble);
  double* to = values.mutable_data_ptr<double>();
  for (std::size_t row = 0; row < table.rows(); ++row)
    to[row] = table.measured(row, variate) ? table.at(row, variate) : NAN;
  return runtime::seasonal_naive_error(values, io::usual_season(table.frequency)).item<double>();
}

}  // namespace

InjectedCells inject_anomalies(io::SeriesTable& table, std::size_t variate, int64_t first, int64_t count) {
  InjectedCells cells;
  const double unit = naive_error(table, variate);
  if (std::isnan(unit)) return cells;
  const auto rows = static_cast<int64_t>(table.rows()) - first;
  count = std::min(count, rows / 2);  // most cells must stay what they are
  for (int64_t i = 0; i < count; ++i) {
    const int64_t row = first + (2 * i + 1) * rows / (2 * count);
    if (!table.measured(static_cast<std::size_t>(row), variate)) continue;
    const auto size = kSizes[static_cast<std::size_t>(i) % kSizes.size()];
    const double sign = i % 2 == 0 ? 1.0 : -1.0;
    table.values[static_cast<std::size_t>(row) * table.variates.size() + variate] +=
        sign * static_cast<double>(size) * unit;
    cells[row] = size;
  }
  return cells;
}

void InjectionScore::add(int64_t shift, bool flagged) {
  auto& count = shift > 0 ? by_size_[shift] : clean_;
  ++count.cells;
  count.flagged += flagged ? 1 : 0;
}

void InjectionScore::add(const InjectionScore& other) {
  const auto sum = [](Count& to, const Count& from) {
    to.cells += from.cells;
    to.flagged += from.flagged;
  };
  for (const auto& [size, count] : other.by_size_) sum(by_size_[size], count);
  sum(clean_, other.clean_);
}

Json InjectionScore::json() const {
  Count all;
  Json by_size = Json::object();
  for (const auto& [size, count] : by_size_) {
    all.cells += count.cells;
    all.flagged += count.flagged;
    by_size[fmt::format("{}", size)] = share(count.flagged, count.cells);
  }
  return {{"cells", all.cells},
          {"found", all.flagged},
          {"recall", share(all.flagged, all.cells)},
          {"recall_by_size", std::move(by_size)},
          {"precision", share(all.flagged, all.flagged + clean_.flagged)},
          {"false_alarm_rate", share(clean_.flagged, clean_.cells)}};
}

}  // namespace arzoo::forecast
