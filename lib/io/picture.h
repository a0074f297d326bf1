#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace arzoo::io {

/// A picture of 8-bit samples, row by row from the top left, the channels of a pixel side by side.
struct Picture {
  int64_t width = 0, height = 0;
  int64_t channels = 3;  ///< 1: grey, 3: red, green, blue
  std::vector<uint8_t> pixels = {};

  int64_t row_bytes() const { return width * channels; }
};

/// Keywords and texts that a picture's file carries. Written: keywords of 1 to 79 and texts of printable
/// ASCII characters (JSON with escapes).
using PictureTexts = std::vector<std::pair<std::string, std::string>>;

/// The metadata of a picture's file, without its pixels.
struct PictureSummary {
  int64_t width = 0, height = 0, bit_depth = 0;
  std::string color;   ///< "grey", "rgb", "palette", "grey and alpha", "rgb and alpha" or "cmyk"
  PictureTexts texts;  ///< in the file's order
};

/// Pictures of one size and kind in rows of `columns`, `gap` white pixels between them; the last row may be
/// short. At least one picture.
Picture picture_grid(const std::vector<Picture>& pictures, int64_t columns, int64_t gap = 2);

/// Columns of a grid of `count` pictures that is about as high as it is wide.
int64_t square_columns(int64_t count);

}  // namespace arzoo::io
