#include "image/lanczos.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace arzoo::image {
namespace {

constexpr double kLobes = 3.0;
constexpr int kFractionBits = 22;

double sinc(double x) { return x == 0.0 ? 1.0 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x); }

double lanczos(double x) { return x >= -kLobes && x < kLobes ? sinc(x) * sinc(x / kLobes) : 0.0; }

/// What one output sample is made of: input samples from `first` on, and their weights.
struct Taps {
  int64_t first = 0;
  std::vector<int32_t> weights;
};

std::vector<Taps> taps_of(int64_t from, int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double widening = std::max(scale, 1.0), support = kLobes * widening;
  std::vector<Taps> all(static_cast<std::size_t>(to));
  for (int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<int64_t>(static_cast<int64_t>(centre - support + 0.5), 0);
    const auto end = std::min<int64_t>(static_cast<int64_t>(centre + support + 0.5), from);
    std::vector<double> weights;
    double sum = 0.0;
    for (int64_t x = first; x < end; ++x) {
      weights.push_back(lanczos((static_cast<double>(x) - centre + 0.5) * (1.0 / widening)));
      sum += weights.back();
    }
    all[i].first = first;
    for (const double weight : weights) {
      const double fixed = weight / sum * (1 << kFractionBits);
      all[i].weights.push_back(static_cast<int32_t>(fixed < 0 ? fixed - 0.5 : fixed + 0.5));
    }
  }
  return all;
}

uint8_t rounded(int64_t sum) {
  return static_cast<uint8_t>(std::clamp<int64_t>(sum >> kFractionBits, 0, 255));
}

io::Picture resized_across(const io::Picture& in, int64_t width) {
  const auto taps = taps_of(in.width, width);
  io::Picture out{.width = width, .height = in.height, .channels = in.channels};
  out.pixels.resize(static_cast<std::size_t>(out.row_bytes() * out.height));
  for (int64_t y = 0; y < in.height; ++y) {
    const auto* const row = in.pixels.data() + y * in.row_bytes();
    auto* target = out.pixels.data() + y * out.row_bytes();
    for (const auto& tap : taps) {
      for (int64_t c = 0; c < in.channels; ++c) {
        int64_t sum = int64_t{1} << (kFractionBits - 1);
        for (std::size_t i = 0; i < tap.weights.size(); ++i)
          sum += int64_t{tap.weights[i]} * row[(tap.first + static_cast<int64_t>(i)) * in.channels + c];
        *target++ = rounded(sum);
      }
    }
  }
  return out;
}

io::Picture resized_down(const io::Picture& in, int64_t height) {
  const auto taps = taps_of(in.height, height);
  io::Picture out{.width = in.width, .height = height, .channels = in.channels};
  const int64_t row_bytes = in.row_bytes();
  std::vector<int64_t> sums(static_cast<std::size_t>(row_bytes));
  out.pixels.reserve(static_cast<std::size_t>(row_bytes * height));
  for (const auto& tap : taps) {
    std::fill(sums.begin(), sums.end(), int64_t{1} << (kFractionBits - 1));
    for (std::size_t i = 0; i < tap.weights.size(); ++i) {
      const auto* const row = in.pixels.data() + (tap.first + static_cast<int64_t>(i)) * row_bytes;
      for (int64_t x = 0; x < row_bytes; ++x) sums[x] += int64_t{tap.weights[i]} * row[x];
    }
    for (const int64_t sum : sums) out.pixels.push_back(rounded(sum));
  }
  return out;
}

}  // namespace

io::Picture lanczos_resized(const io::Picture& picture, int64_t width, int64_t height) {
  const auto across = picture.width == width ? picture : resized_across(picture, width);
  return across.height == height ? across : resized_down(across, height);
}

}  // namespace arzoo::image
