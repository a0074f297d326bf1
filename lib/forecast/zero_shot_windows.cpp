#include "forecast/zero_shot_windows.h"

#include <torch/torch.h>

#include <algorithm>

#include "core/error.h"
#include "forecast/data/scaler.h"
#include "forecast/data/series_sources.h"

namespace arzoo::forecast {
namespace {

struct TestRows {
  int64_t train_end, begin, end;  ///< test rows [begin, end), without the context
};

TestRows test_rows(std::string name, int64_t rows) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  constexpr int64_t kTrain = 8640, kQuarter = 2880;  // 12 and 4 months of hours
  const int64_t per_hour = name.find("etth") != std::string::npos   ? 1
                           : name.find("ettm") != std::string::npos ? 4
                                                                    : 0;
  if (per_hour > 0)
    return {per_hour * kTrain, per_hour * (kTrain + kQuarter), per_hour * (kTrain + 2 * kQuarter)};
  const auto train = static_cast<int64_t>(static_cast<double>(rows) * 0.7),
             test = static_cast<int64_t>(static_cast<double>(rows) * 0.2);
  return {train, rows - test, rows};
}

/// The first `rows` rows of a column, scaled.
at::Tensor scaled_column(const io::SeriesTable& table, const StandardScaler& scaler, int64_t column,
                         int64_t rows) {
  auto scaled = at::empty({rows}, at::kFloat);
  auto* to = scaled.mutable_data_ptr<float>();
  for (int64_t t = 0; t < rows; ++t) to[t] = scaler.transform(table.at(t, column), column);
  return scaled;
}

}  // namespace

ZeroShotWindows::ZeroShotWindows(const io::SeriesTable& table, const std::string& file_name, int64_t context,
                                 int64_t horizon)
    : context_(context), horizon_(horizon) {
  const auto rows = static_cast<int64_t>(table.rows()), width = static_cast<int64_t>(table.variates.size());
  const auto borders = test_rows(file_name, rows);
  const int64_t begin = borders.begin - context, end = std::min(borders.end, rows);
  if (begin < 0 || end - begin <= context + horizon || borders.train_end < 1) {
    fail<DataError>("{}: {} rows hold no test window of context {} and horizon {}", table.source, rows,
                    context, horizon);
  }
  const auto scaler = StandardScaler::fit(table, 0, borders.train_end);
  for (int64_t c = 0; c < width; ++c) {
    const auto values = scaled_column(table, scaler, c, end);
    const auto gaps = table.filled.empty() ? Gaps() : Gaps(variate_alone(table, c), values.unsqueeze(1));
    training_.push_back(values.narrow(0, 0, borders.train_end).clone());
    gaps.hide_future(training_.back().mutable_data_ptr<float>(), 0, borders.train_end, borders.train_end);
    add({values, begin, gaps});
  }
}

ZeroShotWindows::ZeroShotWindows(const Sequences& sequences, const std::string& where, int64_t context,
                                 int64_t horizon)
    : context_(context), horizon_(horizon) {
  int64_t longest = 0;
  for (int64_t i = 0; i < sequences.size(); ++i) {
    longest = std::max(longest, sequences.length(i));
    add({at::tensor(sequences.values(i), at::kFloat), 0, {}});
  }
  if (size() == 0) {
    fail<DataError>("{}: {} series of at most {} points hold no window of context {} and horizon {}", where,
                    sequences.size(), longest, context, horizon);
  }
}

void ZeroShotWindows::add(Series test) {
  first_.push_back(first_.back() +
                   std::max<int64_t>(0, test.values.size(0) - test.begin - context_ - horizon_));
  has_gaps_ = has_gaps_ || !test.gaps.empty();
  tests_.push_back(std::move(test));
}

int64_t ZeroShotWindows::series_of(int64_t window) const {
  return std::upper_bound(first_.begin(), first_.end(), window) - first_.begin() - 1;
}

ForecastBatch ZeroShotWindows::batch(std::span<const int64_t> indices) const {
  std::vector<at::Tensor> history, future, measured;
  for (const auto index : indices) {
    const auto number = std::upper_bound(first_.begin(), first_.end(), index) - first_.begin() - 1;
    const auto& series = tests_[number];
    const int64_t first = series.begin + index - first_[number], ahead = first + context_;
    history.push_back(series.values.narrow(0, first, context_).clone());
    series.gaps.hide_future(history.back().mutable_data_ptr<float>(), first, context_, ahead);
    future.push_back(series.values.narrow(0, ahead, horizon_));
    if (!has_gaps_) continue;
    measured.push_back(series.gaps.empty() ? at::ones({horizon_, 1}, at::kBool)
                                           : series.gaps.measured(ahead, horizon_));
  }
  ForecastBatch batch;
  batch.x_enc = at::stack(history).unsqueeze(-1);
  batch.target = at::stack(future).unsqueeze(-1);
  if (has_gaps_) batch.measured = at::stack(measured);
  return batch;
}

}  // namespace arzoo::forecast
