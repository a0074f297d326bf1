#include "image/frequency_bands.h"

#include <torch/torch.h>

#include <cmath>

#include "core/error.h"

namespace arzoo::image {
namespace {

/// The radius of each bin, [H, W] in double.
at::Tensor radii(const Grid& grid) {
  const auto options = at::TensorOptions(at::kDouble);
  const auto rows = at::fft_fftfreq(grid.height, 1.0, options),
             columns = at::fft_fftfreq(grid.width, 1.0, options);
  return (rows.square().unsqueeze(1) + columns.square().unsqueeze(0)).sqrt();
}

}  // namespace

FrequencyBands::FrequencyBands(std::string_view rule, const Grids& grids) {
  if (rule != "linear" && rule != "area")
    fail<UsageError>("band_rule: \"{}\", expected \"linear\" or \"area\"", rule);
  const auto radius = radii(grids.back());
  const auto largest = radius.max().item<double>(), all = static_cast<double>(tokens_of(grids));
  for (std::size_t k = 0; k < grids.size(); ++k) {
    const double share = static_cast<double>(tokens_of(grids, k + 1)) / all;
    edges_.push_back(largest * (rule == "area" ? std::sqrt(share) : share));
  }
  bands_ = at::zeros_like(radius, at::kLong);
  // A bin on an edge is of the upper band, however the two were rounded: (3, 3) of the official schedule.
  constexpr double kRounding = 1e-12;
  for (std::size_t k = 0; k + 1 < edges_.size(); ++k) bands_ += radius.ge(edges_[k] * (1.0 - kRounding));
}

std::vector<int64_t> FrequencyBands::counts() const {
  std::vector<int64_t> counts;
  for (std::size_t k = 0; k < edges_.size(); ++k)
    counts.push_back(bands_.eq(static_cast<int64_t>(k)).sum().item<int64_t>());
  return counts;
}

std::vector<at::Tensor> FrequencyBands::low_passes(const at::Tensor& f) const {
  const auto spectrum = at::fft_fft2(f);
  const auto bands = bands_.to(f.device());
  std::vector<at::Tensor> passed;
  for (std::size_t k = 0; k + 1 < edges_.size(); ++k)
    passed.push_back(at::real(at::fft_ifft2(spectrum * bands.le(static_cast<int64_t>(k)))));
  passed.push_back(f);
  return passed;
}

}  // namespace arzoo::image
