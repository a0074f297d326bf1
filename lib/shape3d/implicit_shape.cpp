#include "shape3d/implicit_shape.h"

#include "core/closest.h"
#include "core/error.h"
#include "shape3d/field_refinement.h"
#include "shape3d/surface_points.h"

namespace arzoo::shape3d {
namespace {

using Kind = SolidPart::Kind;

/// The depth of a point in a plane region whose signed distances beyond its two sides are a and b.
float joined_sides(float a, float b) {
  const float outside = std::hypot(std::max(a, 0.0F), std::max(b, 0.0F));
  return -(outside + std::min(std::max(a, b), 0.0F));
}

/// Samples the dimensions of solids.
class SolidMaker {
 public:
  explicit SolidMaker(std::mt19937_64 random) : random_(random) {}

  std::vector<SolidPart> ball() {
    return {{Kind::ellipsoid, {}, {between(0.6F, 1), between(0.6F, 1), between(0.6F, 1)}}};
  }
  std::vector<SolidPart> box() {
    return {{Kind::box, {}, {between(0.4F, 1), between(0.4F, 1), between(0.4F, 1)}, between(0, 0.15F)}};
  }
  std::vector<SolidPart> can() {
    const float radius = between(0.4F, 0.8F);
    return {{Kind::cylinder, {}, {radius, between(0.4F, 1), radius}, between(0, 0.1F)}};
  }
  std::vector<SolidPart> ring() {
    const float radius = between(0.6F, 0.8F);
    return {{Kind::ring, {}, {radius, between(0.18F, 0.32F), radius}}};
  }
  std::vector<SolidPart> dumbbell() {
    const float left = between(0.35F, 0.55F), right = between(0.35F, 0.55F), gap = between(0.5F, 0.8F);
    const float bar = between(0.14F, 0.24F);
    return {{Kind::ellipsoid, {-gap, 0, 0}, {left, left, left}},
            {Kind::ellipsoid, {gap, 0, 0}, {right, right, right}},
            {Kind::box, {}, {gap, bar, bar}, 0.05F}};
  }
  std::vector<SolidPart> table() {
    const float width = between(0.7F, 1), depth = between(0.5F, 0.9F), height = between(0.5F, 0.8F);
    std::vector<SolidPart> parts{{Kind::box, {0, height, 0}, {width, between(0.1F, 0.16F), depth}, 0.03F}};
    add_legs(parts, width, depth, -height, height, between(0.11F, 0.17F));
    return parts;
  }
  std::vector<SolidPart> chair() {
    const float width = between(0.45F, 0.6F), depth = between(0.45F, 0.6F), seat = between(-0.2F, 0.1F);
    std::vector<SolidPart> parts{{Kind::box, {0, seat, 0}, {width, between(0.1F, 0.15F), depth}, 0.03F}};
    add_legs(parts, width, depth, -1, seat, between(0.1F, 0.15F));
    const float back = between(0.75F, 1), thickness = between(0.09F, 0.14F);
    parts.push_back({Kind::box,
                     {0, 0.5F * (seat + back), thickness - depth},
                     {width, 0.5F * (back - seat), thickness},
                     0.03F});
    return parts;
  }
  std::vector<SolidPart> mug() {
    const float radius = between(0.5F, 0.65F), half = between(0.55F, 0.8F), wall = between(0.13F, 0.18F);
    const float loop = between(0.3F, 0.4F);
    return {{Kind::ring, {radius, 0, 0}, {loop, between(0.1F, 0.14F), loop}},
            {Kind::cylinder, {}, {radius, half, radius}, 0.04F},
            {Kind::cylinder, {0, wall + 0.3F, 0}, {radius - wall, half + 0.3F, radius - wall}, 0.03F, true}};
  }

 private:
  float between(float low, float high) { return low + (high - low) * static_cast<float>(uniform(random_)); }

  static void add_legs(std::vector<SolidPart>& parts, float width, float depth, float low, float high,
                       float leg) {
    for (const float x : {-1.0F, 1.0F}) {
      for (const float z : {-1.0F, 1.0F})
        parts.push_back({Kind::box,
                         {x * (width - leg), 0.5F * (low + high), z * (depth - leg)},
                         {leg, 0.5F * (high - low), leg},
                         0.03F});
    }
  }

  std::mt19937_64 random_;
};

struct NamedSolid {
  const char* name;
  std::vector<SolidPart> (SolidMaker::*make)();
};
constexpr NamedSolid kSolids[] = {{"ball", &SolidMaker::ball},         {"box", &SolidMaker::box},
                                  {"can", &SolidMaker::can},           {"ring", &SolidMaker::ring},
                                  {"dumbbell", &SolidMaker::dumbbell}, {"table", &SolidMaker::table},
                                  {"chair", &SolidMaker::chair},       {"mug", &SolidMaker::mug}};

}  // namespace

float SolidPart::signed_distance(io::Vec3 point) const {
  const auto p = point - centre;
  switch (kind) {
    case Kind::ellipsoid: {
      const io::Vec3 scaled{p.x / size.x, p.y / size.y, p.z / size.z};
      return (1.0F - length(scaled)) * std::min({size.x, size.y, size.z});
    }
    case Kind::box: {
      io::Vec3 beyond;
      float greatest = -HUGE_VALF, outside = 0.0F;
      for (int axis = 0; axis < 3; ++axis) {
        beyond[axis] = std::abs(p[axis]) - (size[axis] - rounding);
        greatest = std::max(greatest, beyond[axis]);
        outside += std::max(beyond[axis], 0.0F) * std::max(beyond[axis], 0.0F);
      }
      return rounding - std::sqrt(outside) - std::min(greatest, 0.0F);
    }
    case Kind::cylinder:
      return rounding +
             joined_sides(std::hypot(p.x, p.z) - (size.x - rounding), std::abs(p.y) - (size.y - rounding));
    case Kind::cone: {
      const float share = std::clamp((p.y + size.y) / (2.0F * size.y), 0.0F, 1.0F);
      return joined_sides(std::hypot(p.x, p.z) - (size.x + (size.z - size.x) * share),
                          std::abs(p.y) - size.y);
    }
    case Kind::ring:
      return size.y - std::hypot(std::hypot(p.x, p.y) - size.x, p.z);
  }
  return -HUGE_VALF;
}

ImplicitShape::ImplicitShape(std::vector<SolidPart> parts) : parts_(std::move(parts)) {
  // Measured on a grid, so that what is cut away does not count.
  constexpr int64_t kCells = 32;
  constexpr double kRoom = 1.5;
  auto grid = cube_grid(kCells, kRoom);
  fill_grid(grid, [&](std::span<const io::Vec3> points, std::span<float> values) {
    for (std::size_t i = 0; i < points.size(); ++i) values[i] = raw_depth(points[i]);
  });
  const auto found = placement(isosurface(grid), kSolidHalf);
  centre_ = found.centre;
  scale_ = found.scale;
}

float ImplicitShape::raw_depth(io::Vec3 point) const {
  float depth = -HUGE_VALF;
  for (const auto& part : parts_)
    depth = part.is_cut ? std::min(depth, -part.signed_distance(point))
                        : std::max(depth, part.signed_distance(point));
  return depth;
}

float ImplicitShape::signed_distance(io::Vec3 point) const {
  return scale_ * raw_depth(point * (1.0F / scale_) + centre_);
}

io::Mesh ImplicitShape::surface(int64_t resolution) const {
  constexpr double kMargin = 1.1;
  auto grid = cube_grid(resolution, kSolidHalf * kMargin);
  fill_grid(grid,
            [&](std::span<const io::Vec3> points, std::span<float> values) {
              for (std::size_t i = 0; i < points.size(); ++i) values[i] = signed_distance(points[i]);
            },
            {.coarsest = 16});
  return isosurface(grid);
}

const std::vector<std::string>& solid_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& solid : kSolids) all.emplace_back(solid.name);
    return all;
  }();
  return names;
}

ImplicitShape make_solid(const std::string& name, uint64_t seed, int64_t index) {
  uint64_t number = 0;
  for (const auto& solid : kSolids) {
    if (name == solid.name) {
      const auto own = static_cast<uint64_t>(index);
      SolidMaker maker{
          seeded_engine({low_word(seed), high_word(seed), low_word(number), low_word(own), high_word(own)})};
      return ImplicitShape((maker.*solid.make)());
    }
    ++number;
  }
  const auto near = closest(name, solid_names());
  fail<DataError>("no solid is called \"{}\"{}", name,
                  near ? fmt::format(" (did you mean \"{}\"?)", *near) : "");
}

}  // namespace arzoo::shape3d
