#include "shape3d/outline.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace arzoo::shape3d {
namespace {

constexpr uint8_t kNearlyWhite = 235;
constexpr double kMargin = 0.05;  // of the square's side

bool is_covered(const io::Picture& picture, int64_t x, int64_t y) {
  if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) return false;
  const auto* pixel =
      &picture.pixels[static_cast<std::size_t>(y * picture.row_bytes() + x * picture.channels)];
  return std::any_of(pixel, pixel + picture.channels, [](uint8_t value) { return value < kNearlyWhite; });
}

}  // namespace

io::Picture framed_outline(const io::Picture& picture, int64_t pixels) {
  int64_t left = picture.width, right = -1, top = picture.height, bottom = -1;
  for (int64_t y = 0; y < picture.height; ++y) {
    for (int64_t x = 0; x < picture.width; ++x) {
      if (!is_covered(picture, x, y)) continue;
      left = std::min(left, x);
      right = std::max(right, x);
      top = std::min(top, y);
      bottom = std::max(bottom, y);
    }
  }
  if (right < 0) fail<DataError>("a picture that is all white, expected a shape on white");
  const double side = static_cast<double>(std::max(right - left, bottom - top) + 1) / (1.0 - 2.0 * kMargin);
  const double first_x = 0.5 * static_cast<double>(left + right + 1) - 0.5 * side;
  const double first_y = 0.5 * static_cast<double>(top + bottom + 1) - 0.5 * side;
  constexpr int64_t kSamples = 4;
  const double step = side / static_cast<double>(pixels * kSamples);
  io::Picture outline{.width = pixels, .height = pixels, .channels = 1};
  for (int64_t y = 0; y < pixels; ++y) {
    for (int64_t x = 0; x < pixels; ++x) {
      int64_t covered = 0;
      for (int64_t i = 0; i < kSamples * kSamples; ++i) {
        const auto place = [&](double first, int64_t sample) {
          return static_cast<int64_t>(std::floor(first + (static_cast<double>(sample) + 0.5) * step));
        };
        if (is_covered(picture, place(first_x, x * kSamples + i % kSamples),
                       place(first_y, y * kSamples + i / kSamples)))
          ++covered;
      }
      outline.pixels.push_back(static_cast<uint8_t>(covered * 255 / (kSamples * kSamples)));
    }
  }
  return outline;
}

at::Tensor outline_tensor(const io::Picture& outline) {
  auto tensor = at::empty({1, outline.height, outline.width});
  std::transform(outline.pixels.begin(), outline.pixels.end(), tensor.mutable_data_ptr<float>(),
                 [](uint8_t value) { return static_cast<float>(value) / 255.0F; });
  return tensor;
}

}  // namespace arzoo::shape3d
