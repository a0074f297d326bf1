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

}  // namespace

ZeroShotWindows::ZeroShotWindows(const SeriesTable& table, const std::string& file_name, int64_t context,
                                 int64_t horizon)
    : context_(context), horizon_(horizon), columns_(static_cast<int64_t>(table.variates.size())) {
  const auto rows = static_cast<int64_t>(table.rows());
  const auto borders = test_rows(file_name, rows);
  const int64_t begin = borders.begin - context, length = std::min(borders.end, rows) - begin;
  per_column_ = length - context - horizon;
  if (begin < 0 || per_column_ <= 0 || borders.train_end < 1) {
    fail<DataError>("{}: {} rows hold no test window of context {} and horizon {}", table.source, rows,
                    context, horizon);
  }
  const auto scaler = StandardScaler::fit(table.values, columns_, 0, borders.train_end);
  values_ = at::empty({columns_, length}, at::kFloat);
  auto values = values_.accessor<float, 2>();
  for (int64_t c = 0; c < columns_; ++c) {
    for (int64_t t = 0; t < length; ++t) values[c][t] = scaler.transform(table.at(begin + t, c), c);
  }
}

ForecastBatch ZeroShotWindows::batch(std::span<const int64_t> indices) const {
  std::vector<at::Tensor> history, future;
  for (const auto index : indices) {
    const auto column = values_[index / per_column_];
    const int64_t first = index % per_column_;
    history.push_back(column.narrow(0, first, context_));
    future.push_back(column.narrow(0, first + context_, horizon_));
  }
  ForecastBatch batch;
  batch.x_enc = at::stack(history).unsqueeze(-1);
  batch.target = at::stack(future).unsqueeze(-1);
  return batch;
}

}  // namespace arzoo::forecast
