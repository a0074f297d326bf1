#include "shape3d/field_refinement.h"

#include <cstdint>

namespace arzoo::shape3d {
namespace {

/// A cell of the level whose side is `stride` points, by its lowest corner.
using Place = std::array<int64_t, 3>;

class Refinement {
 public:
  Refinement(FieldGrid& grid, const FieldQuery& query, const RefinementOptions& options)
      : grid_(grid), query_(query), options_(options), known_(grid.values.size()) {}

  int64_t fill() {
    const int64_t cells = grid_.points[0] - 1;
    int64_t stride = 1;
    while (!options_.dense && cells % (2 * stride) == 0 && cells / (2 * stride) >= options_.coarsest)
      stride *= 2;
    ask_level(stride);
    for (; stride > 1; stride /= 2) refine(stride);
    return asked_;
  }

 private:
  template <class Visit>
  void each_cell(int64_t stride, const Visit& visit) const {
    for (int64_t x = 0; x + stride < grid_.points[0]; x += stride) {
      for (int64_t y = 0; y + stride < grid_.points[1]; y += stride) {
        for (int64_t z = 0; z + stride < grid_.points[2]; z += stride) visit(Place{x, y, z});
      }
    }
  }

  void ask_level(int64_t stride) {
    for (int64_t x = 0; x < grid_.points[0]; x += stride) {
      for (int64_t y = 0; y < grid_.points[1]; y += stride) {
        for (int64_t z = 0; z < grid_.points[2]; z += stride) want(x, y, z);
      }
    }
    answer();
  }

  /// Puts a point on the list unless it is known already.
  void want(int64_t x, int64_t y, int64_t z) {
    const auto at = grid_.index(x, y, z);
    if (known_[at] != 0) return;
    known_[at] = 1;
    places_.push_back(at);
    points_.push_back(grid_.position(static_cast<float>(x), static_cast<float>(y), static_cast<float>(z)));
    if (static_cast<int64_t>(points_.size()) == options_.chunk) answer();
  }

  void answer() {
    if (points_.empty()) return;
    answers_.resize(points_.size());
    query_(points_, answers_);
    for (std::size_t i = 0; i < places_.size(); ++i) grid_.values[places_[i]] = answers_[i];
    asked_ += static_cast<int64_t>(points_.size());
    if (options_.watch) options_.watch(static_cast<int64_t>(points_.size()));
    places_.clear();
    points_.clear();
  }

  /// The least and the greatest value at a cell's corners.
  std::pair<float, float> range(const Place& cell, int64_t stride) const {
    float least = HUGE_VALF, greatest = -HUGE_VALF;
    for (int corner = 0; corner < 8; ++corner) {
      const float value =
          grid_.values[grid_.index(cell[0] + (corner & 1 ? stride : 0), cell[1] + (corner & 2 ? stride : 0),
                                   cell[2] + (corner & 4 ? stride : 0))];
      least = std::min(least, value);
      greatest = std::max(greatest, value);
    }
    return {least, greatest};
  }

  /// Cells that the next level asks for, flagged by the index of their lowest corner.
  void choose(int64_t stride, std::vector<Place>& chosen, std::vector<uint8_t>& flags) const {
    // Between the finest cells there is hardly room for more than what the corners show.
    const float caution = stride > 2 ? 0.5F : 0.25F;
    each_cell(stride, [&](const Place& cell) {
      const auto [least, greatest] = range(cell, stride);
      const bool crossed = least < 0.0F && greatest >= 0.0F;
      if (!crossed && std::min(std::abs(least), std::abs(greatest)) >= caution * (greatest - least)) return;
      chosen.push_back(cell);
      flags[grid_.index(cell[0], cell[1], cell[2])] = 1;
    });
  }

  template <class Visit>
  void each_neighbour(const Place& cell, int64_t stride, const Visit& visit) const {
    for (int64_t dx = -stride; dx <= stride; dx += stride) {
      for (int64_t dy = -stride; dy <= stride; dy += stride) {
        for (int64_t dz = -stride; dz <= stride; dz += stride) {
          const Place near{cell[0] + dx, cell[1] + dy, cell[2] + dz};
          bool inside = true;
          for (std::size_t axis = 0; axis < 3; ++axis)
            inside = inside && near[axis] >= 0 && near[axis] + stride < grid_.points[axis];
          if (inside) visit(near);
        }
      }
    }
  }

  void want_cell(const Place& cell, int64_t stride) {
    const int64_t half = stride / 2;
    for (int64_t x = 0; x <= stride; x += half) {
      for (int64_t y = 0; y <= stride; y += half) {
        for (int64_t z = 0; z <= stride; z += half) want(cell[0] + x, cell[1] + y, cell[2] + z);
      }
    }
  }

  /// From cells of `stride` to cells of half of it.
  void refine(int64_t stride) {
    std::vector<uint8_t> flags(grid_.values.size());
    std::vector<Place> chosen;
    choose(stride, chosen, flags);
    interpolate(stride);
    std::size_t begin = 0;
    while (begin < chosen.size()) {
      const auto end = chosen.size();
      for (std::size_t i = begin; i < end; ++i) want_cell(chosen[i], stride);
      answer();
      follow(stride, begin, end, chosen, flags);
      begin = end;
    }
  }

  /// Whether the surface passes through the cell, as far as its finer points are known by now.
  bool is_crossed(const Place& cell, int64_t stride) const {
    const int64_t half = stride / 2;
    for (int part = 0; part < 8; ++part) {
      const auto [least, greatest] = range(
          {cell[0] + (part & 1 ? half : 0), cell[1] + (part & 2 ? half : 0), cell[2] + (part & 4 ? half : 0)},
          half);
      if (least < 0.0F && greatest >= 0.0F) return true;
    }
    return false;
  }

  /// Where the surface of split cells goes on in their neighbours, these are split too.
  void follow(int64_t stride, std::size_t begin, std::size_t end, std::vector<Place>& chosen,
              std::vector<uint8_t>& flags) const {
    for (std::size_t i = begin; i < end; ++i) {
      const auto cell = chosen[i];
      each_neighbour(cell, stride, [&](const Place& near) {
        auto& own = flags[grid_.index(near[0], near[1], near[2])];
        if (own != 0 || !is_crossed(near, stride)) return;
        chosen.push_back(near);
        own = 1;
      });
    }
  }

  /// The points between those of a level, unless they are known: the mean of the ends they lie between.
  void interpolate(int64_t stride) {
    const int64_t half = stride / 2;
    for (int64_t x = 0; x < grid_.points[0]; x += half) {
      for (int64_t y = 0; y < grid_.points[1]; y += half) {
        for (int64_t z = 0; z < grid_.points[2]; z += half) {
          const int64_t dx = x % stride, dy = y % stride, dz = z % stride;
          const auto at = grid_.index(x, y, z);
          if ((dx == 0 && dy == 0 && dz == 0) || known_[at] != 0) continue;
          float sum = 0.0F;
          for (int corner = 0; corner < 8; ++corner)
            sum += grid_.values[grid_.index(x + (corner & 1 ? dx : -dx), y + (corner & 2 ? dy : -dy),
                                            z + (corner & 4 ? dz : -dz))];
          grid_.values[at] = sum / 8.0F;
        }
      }
    }
  }

  FieldGrid& grid_;
  const FieldQuery& query_;
  const RefinementOptions& options_;
  std::vector<uint8_t> known_;
  std::vector<std::size_t> places_;
  std::vector<io::Vec3> points_;
  std::vector<float> answers_;
  int64_t asked_ = 0;
};

}  // namespace

int64_t fill_grid(FieldGrid& grid, const FieldQuery& query, const RefinementOptions& options) {
  return Refinement(grid, query, options).fill();
}

void close_borders(FieldGrid& grid) {
  const auto [nx, ny, nz] = grid.points;
  const auto close = [&](int64_t x, int64_t y, int64_t z) {
    auto& value = grid.values[grid.index(x, y, z)];
    if (value >= 0.0F) value = -std::max(value, 1e-3F);
  };
  for (int64_t x = 0; x < nx; ++x) {
    for (int64_t y = 0; y < ny; ++y) {
      const bool whole = x == 0 || x == nx - 1 || y == 0 || y == ny - 1;
      for (int64_t z = 0; z < nz; z += whole ? 1 : nz - 1) close(x, y, z);
    }
  }
}

}  // namespace arzoo::shape3d
