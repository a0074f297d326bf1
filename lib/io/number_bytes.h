#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace arzoo::io {

/// How NumPy stores a number.
struct NumberType {
  char kind = 'f';       ///< 'f' float, 'i' or 'u' integer
  std::size_t size = 4;  ///< in bytes

  /// The numbers in `bytes`, whose length is a multiple of `size`.
  std::vector<double> read(std::string_view bytes) const;
};

/// The little-endian type that NumPy calls "<f4", "f8", "<i8" and the like, or "float32"; nothing for others.
std::optional<NumberType> number_type(std::string_view name);

}  // namespace arzoo::io
