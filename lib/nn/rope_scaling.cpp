#include "nn/rope_scaling.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace arzoo::nn {
namespace {

at::Tensor frequencies_of(int64_t width, double theta, const at::TensorOptions& options) {
  const auto exponents = at::arange(0, width, 2, options) / static_cast<double>(width);
  return 1.0 / at::pow(at::full({}, theta, options), exponents);
}

/// The base that grows with the text (Dynamic NTK).
double dynamic_base(const RopeScalingOptions& scaling, int64_t width, double theta, int64_t length) {
  const auto trained = static_cast<double>(scaling.original_max_position_embeddings);
  const double stretched = std::max(static_cast<double>(length), trained) * scaling.factor / trained;
  const auto power = static_cast<double>(width) / static_cast<double>(width - 2);
  return theta * std::pow(stretched - (scaling.factor - 1.0), power);
}

/// LLaMA 3.1: by how many turns a frequency makes within the trained length.
at::Tensor by_turns(const at::Tensor& frequencies, const RopeScalingOptions& scaling) {
  const auto trained = static_cast<double>(scaling.original_max_position_embeddings);
  const auto turns = frequencies * (trained / (2.0 * std::numbers::pi));
  const auto kept = ((turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor))
                        .clamp(0.0, 1.0);
  return (1.0 - kept) * frequencies / scaling.factor + kept * frequencies;
}

/// The channel, counted in pairs, whose frequency makes so many turns within the trained length.
double channel_of(double turns, const RopeScalingOptions& scaling, int64_t width, double theta) {
  const auto trained = static_cast<double>(scaling.original_max_position_embeddings);
  return static_cast<double>(width) * std::log(trained / (turns * 2.0 * std::numbers::pi)) /
         (2.0 * std::log(theta));
}

/// YaRN (Peng et al., 2023): a blend along the channels.
at::Tensor by_channels(const at::Tensor& frequencies, const RopeScalingOptions& scaling, int64_t width,
                       double theta) {
  double low = channel_of(scaling.beta_fast, scaling, width, theta),
         high = channel_of(scaling.beta_slow, scaling, width, theta);
  if (scaling.truncate) low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(width - 1));
  if (low == high) high += 0.001;
  const auto divided = ((at::arange(width / 2, frequencies.options()) - low) / (high - low)).clamp(0.0, 1.0);
  return divided * frequencies / scaling.factor + (1.0 - divided) * frequencies;
}

}  // namespace

at::Tensor scaled_frequencies(const RopeScalingOptions& scaling, int64_t width, double theta, int64_t length,
                              const at::TensorOptions& options) {
  const auto own = options.dtype(at::kFloat);
  const auto& type = scaling.rope_type;
  if (type == "dynamic") return frequencies_of(width, dynamic_base(scaling, width, theta, length), own);
  const auto frequencies = frequencies_of(width, theta, own);
  if (type == "linear") return frequencies / scaling.factor;
  if (type == "llama3") return by_turns(frequencies, scaling);
  if (type == "yarn") return by_channels(frequencies, scaling, width, theta);
  return frequencies;
}

}  // namespace arzoo::nn
