#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>
#include <vector>

#include "image/grid.h"

namespace arzoo::image {

/// The frequency bands of a feature map, low to high, one per token map (NFIG, arXiv 2503.07076, eq. 1 and
/// 6): a reconstruction from the published equations.
///
/// Band i holds the bins of the discrete Fourier transform whose radius, in cycles per pixel, lies in
/// [edge i - 1, edge i); the last one also those at the largest radius.
class FrequencyBands {
 public:
  /// How the edges follow from the token maps: "linear", the printed rule, by which the radius grows with the
  /// tokens, or "area", by which the number of bins does. The last grid is the feature map's. Throws
  /// UsageError for another rule.
  FrequencyBands(std::string_view rule, const Grids& grids);

  /// The right edge of each band.
  const std::vector<double>& edges() const { return edges_; }
  /// The band of each bin, [H, W] long, in the order of an unshifted transform.
  const at::Tensor& bands() const { return bands_; }
  /// Bins of each band; 0 of one that codes no frequency of its own.
  std::vector<int64_t> counts() const;

  /// f: [B, C, H, W]; returns it low-passed up to each band, the last of them f itself; under autograd.
  std::vector<at::Tensor> low_passes(const at::Tensor& f) const;

 private:
  std::vector<double> edges_;
  at::Tensor bands_;
};

}  // namespace arzoo::image
