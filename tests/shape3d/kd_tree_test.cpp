#include "shape3d/kd_tree.h"

#include "support/test.h"

#include "shape3d/surface_points.h"

using namespace arzoo;
using namespace arzoo::shape3d;

namespace {

/// Points of kinds that are hard for a tree: anywhere, on one line, all at one place, in a few places.
std::vector<io::Vec3> hard_points(const std::string& kind, int count) {
  std::mt19937_64 random(11);
  std::vector<io::Vec3> points;
  for (int i = 0; i < count; ++i) {
    const auto anywhere = volume_point(1.0, random);
    if (kind == "line") points.push_back({anywhere.x, 0.5F, 0.5F});
    if (kind == "one place") points.push_back({0.25F, 0.25F, 0.25F});
    if (kind == "few places") points.push_back({std::round(anywhere.x), std::round(anywhere.y), 0.0F});
    if (kind == "anywhere") points.push_back(anywhere);
  }
  return points;
}

}  // namespace

TEST_CASE("the k-d tree finds as near a point as asking all of them does") {
  const auto kind = GENERATE(as<std::string>(), "anywhere", "line", "one place", "few places");
  const int count = GENERATE(1, 2, 8, 9, 17, 1000);
  INFO(kind << ", " << count);
  const auto points = hard_points(kind, count);
  const KdTree tree(points);
  std::mt19937_64 random(12);
  for (int i = 0; i < 300; ++i) {
    // Also far outside, and exactly on a point.
    const auto query = i % 3 == 0 ? points[static_cast<std::size_t>(i % count)]
                                  : volume_point(i % 3 == 1 ? 1.0 : 20.0, random);
    float least = HUGE_VALF;
    for (const auto& point : points) least = std::min(least, dot(point - query, point - query));
    const auto found = tree.nearest(query);
    REQUIRE(found.squared_distance == least);
    const auto away = points[found.index] - query;
    REQUIRE(dot(away, away) == least);
  }
}
