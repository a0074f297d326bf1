#include "shape3d/shape_set.h"

#include "core/error.h"
#include "shape3d/implicit_shape.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::shape3d;

TEST_CASE("solids take their classes in turn, and the same number is the same solid in any set") {
  const SampleCounts amounts{.surface = 20, .volume = 10, .near = 10};
  const std::vector<std::string> kinds(solid_names().begin(), solid_names().begin() + 3);
  ShapeSet all, later;
  all.add_solids(kinds, 0, 5, 7, amounts);
  later.add_solids(kinds, 3, 2, 7, amounts);
  REQUIRE(all.shapes().size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(all.shapes()[i].label == static_cast<int64_t>(i % 3));
    CHECK(all.shapes()[i].surface.points.size() == 20);
  }
  CHECK(later.shapes()[0].name == fmt::format("{} 3", kinds[0]));
}

TEST_CASE("more solids than memory holds are refused before they are made") {
  ShapeSet set;
  CHECK_THROWS_WITH(set.add_solids(solid_names(), 0, int64_t{1} << 40, 1, {.surface = 100, .volume = 100}),
                    ContainsSubstring("data.count: 1099511627776 solids with their points take about ") &&
                        ContainsSubstring("lower count"));
  CHECK(set.shapes().empty());
}
