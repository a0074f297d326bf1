#include "forecast/data/window_scale.h"

#include <torch/torch.h>

namespace arzoo::forecast {
namespace {

constexpr double kConcentration = 1.5;  // of the Dirichlet distribution, as in the paper

/// [B, B]: how much of each window every mixture has.
at::Tensor mixing_weights(int64_t windows, int64_t most, std::mt19937_64& generator) {
  auto weights = at::zeros({windows, windows});
  auto of = weights.accessor<float, 2>();
  std::uniform_int_distribution<int64_t> count(1, most), other(0, windows - 1);
  std::gamma_distribution<double> share(kConcentration, 1.0);
  std::bernoulli_distribution upside_down(0.5);
  for (int64_t row = 0; row < windows; ++row) {
    const int64_t parts = count(generator);
    for (int64_t part = 0; part < parts; ++part) {
      const double weight = share(generator);
      const int64_t from = part == 0 ? row : other(generator);
      of[row][from] += static_cast<float>(upside_down(generator) ? -weight : weight);
    }
  }
  return weights;
}

}  // namespace

WindowStats scale_windows(ForecastBatch& batch, bool wanted) {
  if (!wanted) return {};
  WindowStats stats{batch.x_enc.mean(1, true), batch.x_enc.std(1, /*unbiased=*/true, /*keepdim=*/true)};
  stats.std = at::where(stats.std > 0, stats.std, at::ones_like(stats.std));
  for (auto* values : {&batch.x_enc, &batch.x_dec, &batch.target})
    *values = (*values - stats.mean) / stats.std;
  return stats;
}

void mix_windows(ForecastBatch& batch, int64_t most, std::mt19937_64 generator) {
  if (most == 1) return;
  const auto weights = mixing_weights(batch.x_enc.size(0), most, generator);
  for (auto* values : {&batch.x_enc, &batch.x_dec, &batch.target})
    *values = weights.matmul(values->flatten(1)).view(values->sizes());
  scale_windows(batch, true);
}

}  // namespace arzoo::forecast
