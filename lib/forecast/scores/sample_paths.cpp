#include "forecast/scores/sample_paths.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/seeded_noise.h"

namespace arzoo::forecast {

at::Tensor sample_paths(const Distribution& distribution, double autocorrelation, uint64_t seed,
                        int64_t first, int64_t count) {
  const int64_t horizon = distribution.sizes()[0];
  std::vector<nn::NoiseRow> streams;
  for (int64_t path = first; path < first + count; ++path)
    streams.push_back({item_seed(seed, static_cast<uint64_t>(path)), 0});
  auto scores = nn::normal_rows(streams, horizon).to(at::kDouble);
  const double innovation = std::sqrt(1.0 - autocorrelation * autocorrelation);
  double* row = scores.mutable_data_ptr<double>();
  for (int64_t path = 0; path < count; ++path, row += horizon) {
    for (int64_t step = 1; step < horizon; ++step)
      row[step] = autocorrelation * row[step - 1] + innovation * row[step];
  }
  return distribution.at_scores(scores);
}

}  // namespace arzoo::forecast
