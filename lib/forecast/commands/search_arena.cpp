#include "forecast/commands/search_arena.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "io/series_fill.h"
#include "runtime/metrics.h"

namespace arzoo::forecast {
namespace {

constexpr int64_t kMostWindows = 10;
/// One of so many windows is held out.
constexpr int64_t kHeldOut = 3;

/// As many windows as leave twice as many rows before them, or two seasons.
int64_t windows_to_compare(const SearchArena& arena, int64_t shortest) {
  const int64_t needed = std::max<int64_t>(2 * arena.season, 2);
  for (int64_t windows = kMostWindows; windows > 0; --windows) {
    const int64_t before = shortest - windows * arena.horizon;
    if (before >= needed && (windows == 1 || before >= 2 * windows * arena.horizon)) return windows;
  }
  return shortest > arena.horizon + 1 ? 1 : 0;
}

at::Tensor measured(const io::SeriesTable& table) {
  auto values = at::tensor(table.values, at::kDouble)
                    .view({static_cast<int64_t>(table.rows()), static_cast<int64_t>(table.variates.size())})
                    .clone();
  if (table.filled.empty()) return values;
  for (std::size_t i = 0; i < table.filled.size(); ++i) {
    if (table.filled[i]) values.view(-1)[static_cast<int64_t>(i)] = NAN;
  }
  return values;
}

double mean_error(const at::Tensor& forecasts, const at::Tensor& truth, const at::Tensor& scale) {
  return ((forecasts - truth).abs() / scale).nanmean().item<double>();
}

}  // namespace

std::vector<io::SeriesTable> SearchArena::before(int64_t window) const {
  std::vector<io::SeriesTable> known;
  for (const auto& table : tables)
    known.push_back(io::first_rows(table, table.rows() - static_cast<std::size_t>(window * horizon)));
  return known;
}

double SearchArena::error_of(const at::Tensor& forecasts) const {
  return mean_error(forecasts, truth, scale);
}

double SearchArena::choosing_error(const at::Tensor& forecasts) const {
  return mean_error(choosing(forecasts), choosing(truth), scale);
}

double SearchArena::held_error(const at::Tensor& forecasts) const {
  return mean_error(held(forecasts), held(truth), scale);
}

SearchArena search_arena(std::vector<io::SeriesTable> tables, int64_t horizon, int64_t season) {
  SearchArena arena;
  arena.tables = std::move(tables);
  arena.horizon = horizon;
  arena.season = season;
  int64_t shortest = std::numeric_limits<int64_t>::max();
  for (const auto& table : arena.tables) shortest = std::min(shortest, static_cast<int64_t>(table.rows()));
  arena.windows = windows_to_compare(arena, shortest);
  if (arena.windows == 0) return arena;
  arena.held_out = arena.windows / kHeldOut;
  std::vector<at::Tensor> truths, scales;
  for (const auto& table : arena.tables) {
    const auto values = measured(table);
    const auto known = values.size(0) - arena.windows * arena.horizon;
    truths.push_back(values.narrow(0, known, arena.windows * arena.horizon)
                         .t()
                         .reshape({values.size(1), arena.windows, arena.horizon}));
    scales.push_back(runtime::seasonal_naive_error(values.narrow(0, 0, known), arena.season));
  }
  arena.truth = at::cat(truths);
  arena.scale = at::cat(scales).view({-1, 1, 1});
  // An exactly periodic series has no scale; its errors count as they are.
  arena.scale = at::where(arena.scale.isnan(), at::ones_like(arena.scale), arena.scale);
  return arena;
}

at::Tensor window_forecasts(const SearchArena& arena, const ForecastModel& model) {
  std::vector<at::Tensor> windows;
  for (int64_t window = arena.windows; window > 0; --window) {
    std::vector<at::Tensor> rows;
    for (const auto& one : model.forecast(arena.before(window), arena.horizon, {}))
      rows.push_back(one.mean.t());
    windows.push_back(at::cat(rows));
  }
  return at::stack(windows, 1);
}

}  // namespace arzoo::forecast
