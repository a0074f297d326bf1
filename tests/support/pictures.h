#pragma once

#include "io/png_file.h"
#include "support/test.h"

namespace arzoo::test {

/// A PNG of channels that differ from pixel to pixel.
inline void write_picture(const fs::path& path, int64_t width, int64_t height, int64_t channels = 3) {
  fs::create_directories(path.parent_path());
  io::Picture picture{.width = width, .height = height, .channels = channels};
  for (int64_t i = 0; i < width * height * channels; ++i)
    picture.pixels.push_back(static_cast<uint8_t>(i * 37 % 251));
  io::write_png(path, picture);
}

/// Picture `index` of write_idx.
inline std::vector<uint8_t> idx_picture(int64_t index, int64_t side) {
  std::vector<uint8_t> pixels;
  for (int64_t i = 0; i < side * side; ++i)
    pixels.push_back(static_cast<uint8_t>((index * 50 + i * 20) % 256));
  return pixels;
}

/// NAME-images-idx3-ubyte, whose path is returned, and the labels 0, 1, 0, 1, … beside it.
inline fs::path write_idx(const TempDir& temp, const std::string& name, int64_t count, int64_t side) {
  const auto size = [](int64_t number) {
    return std::string{0, 0, static_cast<char>(number >> 8), static_cast<char>(number & 0xff)};
  };
  std::string images = std::string{0, 0, 8, 3} + size(count) + size(side) + size(side);
  std::string labels = std::string{0, 0, 8, 1} + size(count);
  for (int64_t i = 0; i < count; ++i) {
    for (const uint8_t pixel : idx_picture(i, side)) images += static_cast<char>(pixel);
    labels += static_cast<char>(i % 2);
  }
  temp.write(name + "-labels-idx1-ubyte", labels);
  return temp.write(name + "-images-idx3-ubyte", images);
}

}  // namespace arzoo::test
