#include "forecast/zero_shot_windows.h"

#include <torch/torch.h>

#include <algorithm>

#include "core/error.h"
#include "forecast/scaler.h"

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

/// Rows [begin, end) of a column, scaled.
at::Tensor scaled_rows(const SeriesTable& table, const StandardScaler& scaler, int64_t column, int64_t begin,
                       int64_t end) {
  auto rows = at::empty({end - begin}, at::kFloat);
  auto* to = rows.mutable_data_ptr<float>();
  for (int64_t t = begin; t < end; ++t) to[t - begin] = scaler.transform(table.at(t, column), column);
  return rows;
}

}  // namespace

ZeroShotWindows::ZeroShotWindows(const SeriesTable& table, const std::string& file_name, int64_t context,
                                 int64_t horizon)
    : context_(context), horizon_(horizon) {
  const auto rows = static_cast<int64_t>(table.rows()), width = static_cast<int64_t>(table.variates.size());
  const auto borders = test_rows(file_name, rows);
  const int64_t begin = borders.begin - context, end = std::min(borders.end, rows);
  if (begin < 0 || end - begin <= context + horizon || borders.train_end < 1) {
    fail<DataError>("{}: {} rows hold no test window of context {} and horizon {}", table.source, rows,
                    context, horizon);
  }
  const auto scaler = StandardScaler::fit(table.values, width, 0, borders.train_end);
  for (int64_t c = 0; c < width; ++c) {
    add(scaled_rows(table, scaler, c, begin, end));
    training_.push_back(scaled_rows(table, scaler, c, 0, borders.train_end));
  }
}

ZeroShotWindows::ZeroShotWindows(const Sequences& sequences, const std::string& where, int64_t context,
                                 int64_t horizon)
    : context_(context), horizon_(horizon) {
  int64_t longest = 0;
  for (int64_t i = 0; i < sequences.size(); ++i) {
    longest = std::max(longest, sequences.length(i));
    add(at::tensor(sequences.values(i), at::kFloat));
  }
  if (size() == 0) {
    fail<DataError>("{}: {} series of at most {} points hold no window of context {} and horizon {}", where,
                    sequences.size(), longest, context, horizon);
  }
}

void ZeroShotWindows::add(at::Tensor test) {
  first_.push_back(first_.back() + std::max<int64_t>(0, test.size(0) - context_ - horizon_));
  tests_.push_back(std::move(test));
}

ForecastBatch ZeroShotWindows::batch(std::span<const int64_t> indices) const {
  std::vector<at::Tensor> history, future;
  for (const auto index : indices) {
    const auto series = std::upper_bound(first_.begin(), first_.end(), index) - first_.begin() - 1;
    const int64_t first = index - first_[series];
    history.push_back(tests_[series].narrow(0, first, context_));
    future.push_back(tests_[series].narrow(0, first + context_, horizon_));
  }
  ForecastBatch batch;
  batch.x_enc = at::stack(history).unsqueeze(-1);
  batch.target = at::stack(future).unsqueeze(-1);
  return batch;
}

}  // namespace arzoo::forecast
