#pragma once

#include <cstdint>
#include <vector>

namespace arzoo::image {

/// The size of one token map.
struct Grid {
  int64_t height = 0, width = 0;

  int64_t tokens() const { return height * width; }
  bool operator==(const Grid&) const = default;
};

/// Token maps, coarse to fine.
using Grids = std::vector<Grid>;

inline Grids square_grids(const std::vector<int64_t>& sides) {
  Grids grids;
  for (const int64_t side : sides) grids.push_back({side, side});
  return grids;
}

/// Tokens of the first `count` maps together.
inline int64_t tokens_of(const Grids& grids, std::size_t count) {
  int64_t tokens = 0;
  for (std::size_t k = 0; k < count; ++k) tokens += grids[k].tokens();
  return tokens;
}
inline int64_t tokens_of(const Grids& grids) { return tokens_of(grids, grids.size()); }

}  // namespace arzoo::image
