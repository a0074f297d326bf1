#include "io/picture.h"

#include <algorithm>
#include <cmath>

namespace arzoo::io {

Picture picture_grid(const std::vector<Picture>& pictures, int64_t columns, int64_t gap) {
  constexpr uint8_t kWhite = 255;
  const auto& first = pictures.front();
  const auto count = static_cast<int64_t>(pictures.size());
  const int64_t across = std::min(columns, count), down = (count + columns - 1) / columns;
  Picture grid{.width = across * (first.width + gap) - gap,
               .height = down * (first.height + gap) - gap,
               .channels = first.channels};
  grid.pixels.assign(grid.row_bytes() * grid.height, kWhite);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t left = (i % columns) * (first.width + gap), top = (i / columns) * (first.height + gap);
    for (int64_t y = 0; y < first.height; ++y) {
      const auto row = pictures[i].pixels.begin() + y * first.row_bytes();
      std::copy(row, row + first.row_bytes(),
                grid.pixels.begin() + (top + y) * grid.row_bytes() + left * first.channels);
    }
  }
  return grid;
}

int64_t square_columns(int64_t count) {
  return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(count)))));
}

}  // namespace arzoo::io
