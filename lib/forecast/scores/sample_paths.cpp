#include "forecast/scores/sample_paths.h"

#include <torch/torch.h>

#include <cmath>

#include "core/seeded_random.h"
#include "kernels/random_numbers.h"

namespace arzoo::forecast {

at::Tensor sample_paths(const Distribution& distribution, double autocorrelation, uint64_t seed,
                        int64_t first, int64_t count) {
  const int64_t horizon = distribution.sizes()[0];
  const auto streams = item_seeds(seed, static_cast<uint64_t>(first), static_cast<std::size_t>(count));
  auto scores = kernels::normal_numbers(kernels::streams_on(streams), 0, /*rows=*/1, horizon)
                    .squeeze(1)
                    .to(at::kDouble);
  const double innovation = std::sqrt(1.0 - autocorrelation * autocorrelation);
  double* row = scores.mutable_data_ptr<double>();
  for (int64_t path = 0; path < count; ++path, row += horizon) {
    for (int64_t step = 1; step < horizon; ++step)
      row[step] = autocorrelation * row[step - 1] + innovation * row[step];
  }
  return distribution.at_scores(scores);
}

}  // namespace arzoo::forecast
