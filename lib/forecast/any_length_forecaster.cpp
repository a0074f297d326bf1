#include "forecast/any_length_forecaster.h"

#include <torch/torch.h>

#include <algorithm>

#include "forecast/data/length_batches.h"
#include "forecast/data/row_scale.h"
#include "io/csv.h"

namespace arzoo::forecast {
namespace {

constexpr std::size_t kMostRows = 256;
constexpr int64_t kMostSteps = 32768;  // of a batch

}  // namespace

at::Tensor variate_rows(const at::Tensor& windows) { return windows.transpose(1, 2).flatten(0, 1); }

at::Tensor AnyLengthForecaster::forecast_ragged(const std::vector<at::Tensor>& histories, int64_t horizon,
                                                const at::Device& device) {
  int64_t longest = 0, shortest = histories.front().size(0);
  for (const auto& history : histories) {
    longest = std::max(longest, history.size(0));
    shortest = std::min(shortest, history.size(0));
  }
  const auto count = static_cast<int64_t>(histories.size());
  auto padded = at::zeros({count, longest}), attention_mask = at::zeros({count, longest}, at::kLong);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t length = histories[i].size(0);
    padded[i].narrow(0, longest - length, length).copy_(histories[i]);
    attention_mask[i].narrow(0, longest - length, length).fill_(1);
  }
  return forecast_rows(padded.to(device), shortest < longest ? attention_mask.to(device) : at::Tensor(),
                       horizon)
      .to(at::kCPU, at::kFloat);
}

std::vector<ZeroShotForecast> AnyLengthForecaster::forecast_series(std::span<const ZeroShotSeries> series,
                                                                   const ZeroShotRequest& request) {
  check_series(series, request);
  check_abilities(abilities(), "the model", series, request);
  std::vector<at::Tensor> rows;
  std::vector<double> means, deviations;
  std::vector<int64_t> lengths;
  for (const auto& one : series) {
    for (int64_t v = 0; v < one.targets.size(0); ++v) {
      const auto history = last_columns(one.targets[v], most_context(request.horizon)).to(at::kDouble);
      if (history.isnan().any().item<bool>())
        fail<DataError>(
            "series {}: has missing values, which the model cannot read (fill them with --missing)",
            io::shown(one.unique_id));
      const double mean = history.mean().item<double>();
      const double deviation = history.size(0) > 1 ? history.std(/*unbiased=*/true).item<double>() : 0.0;
      means.push_back(mean);
      deviations.push_back(deviation > 0.0 ? deviation : 1.0);
      rows.push_back(((history - mean) / deviations.back()).to(at::kFloat));
      lengths.push_back(history.size(0));
    }
  }
  std::vector<at::Tensor> found(rows.size());
  for (const auto& members : length_batches(lengths, request.horizon, kMostRows, kMostSteps)) {
    std::vector<at::Tensor> batch;
    for (const auto i : members) batch.push_back(rows[i]);
    const auto ahead = forecast_ragged(batch, request.horizon, request.device);
    for (std::size_t i = 0; i < members.size(); ++i)
      found[members[i]] =
          ahead[static_cast<int64_t>(i)].to(at::kDouble) * deviations[members[i]] + means[members[i]];
  }
  std::vector<ZeroShotForecast> forecasts;
  auto next = found.begin();
  for (const auto& one : series) {
    const auto end = next + one.targets.size(0);
    const auto first = static_cast<std::ptrdiff_t>(next - found.begin());
    const std::vector<double> scale(deviations.begin() + first, deviations.begin() + first + (end - next));
    forecasts.push_back({at::stack(std::vector<at::Tensor>(next, end)), {}, at::tensor(scale, at::kDouble)});
    next = end;
  }
  return forecasts;
}

at::Tensor AnyLengthForecaster::forecast(const ForecastBatch& batch) {
  const auto& x = batch.x_enc;
  const auto ahead = forecast_rows(variate_rows(x), {}, pred_len_).to(at::kFloat);
  return ahead.view({x.size(0), x.size(2), pred_len_}).transpose(1, 2);
}

}  // namespace arzoo::forecast
