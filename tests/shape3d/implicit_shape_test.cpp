#include "shape3d/implicit_shape.h"

#include "support/test.h"

#include "shape3d/bvh.h"
#include "shape3d/surface_points.h"

using namespace arzoo;
using namespace arzoo::shape3d;

namespace {

using Kind = SolidPart::Kind;

}  // namespace

TEST_CASE("parts with a closed form have the exact signed distance") {
  struct Exact {
    const char* name;
    SolidPart part;
    std::function<double(io::Vec3)> depth;
  };
  const Exact ball{"ball", {Kind::ellipsoid, {0.1F, 0, 0}, {0.7F, 0.7F, 0.7F}}, [](io::Vec3 p) {
                     return 0.7 - length(p - io::Vec3{0.1F, 0, 0});
                   }};
  const Exact box{"rounded box", {Kind::box, {}, {0.8F, 0.5F, 0.4F}, 0.1F}, [](io::Vec3 p) {
                    double outside = 0.0, most = -HUGE_VAL;
                    const double half[] = {0.7, 0.4, 0.3};
                    for (int axis = 0; axis < 3; ++axis) {
                      const double beyond = std::abs(p[axis]) - half[axis];
                      outside += std::pow(std::max(beyond, 0.0), 2);
                      most = std::max(most, beyond);
                    }
                    return 0.1 - std::sqrt(outside) - std::min(most, 0.0);
                  }};
  const Exact can{
      "can", {Kind::cylinder, {}, {0.6F, 0.8F, 0.6F}}, [](io::Vec3 p) {
        const double side = std::hypot(p.x, p.z) - 0.6, end = std::abs(p.y) - 0.8;
        return -(std::hypot(std::max(side, 0.0), std::max(end, 0.0)) + std::min(std::max(side, end), 0.0));
      }};
  const Exact ring{"ring", {Kind::ring, {}, {0.6F, 0.2F, 0.6F}}, [](io::Vec3 p) {
                     return 0.2 - std::hypot(std::hypot(p.x, p.y) - 0.6, p.z);
                   }};
  std::mt19937_64 random(3);
  for (const auto& each : {ball, box, can, ring}) {
    INFO(each.name);
    for (int i = 0; i < 300; ++i) {
      const auto p = volume_point(1.2, random);
      CHECK(each.part.signed_distance(p) == Approx(each.depth(p)).margin(1e-5));
    }
  }
}

TEST_CASE("a solid's depth has the sign of its surface, and no more than about its distance") {
  const auto name = GENERATE(from_range(solid_names()));
  INFO(name);
  const auto solid = make_solid(name, 2, 1);
  const Bvh surface(solid.surface(96));
  std::mt19937_64 random(4);
  for (int i = 0; i < 400; ++i) {
    const auto p = volume_point(1.0, random);
    const float distance = surface.signed_distance(p), depth = solid.signed_distance(p);
    if (std::abs(distance) < 0.03F) continue;
    REQUIRE((depth > 0.0F) == (distance > 0.0F));
    REQUIRE(std::abs(depth) < std::abs(distance) + 0.03F);  // sphere tracing would not step through
  }
}

TEST_CASE("the cone is a cone, and what is cut away is outside") {
  const SolidPart cone{Kind::cone, {}, {0.8F, 1.0F, 0.2F}};
  for (const float y : {-0.9F, 0.0F, 0.9F}) {
    const float radius = 0.5F - 0.3F * y;  // from 0.8 below to 0.2 above
    CHECK(cone.signed_distance({radius - 0.01F, y, 0}) > 0.0F);
    CHECK(cone.signed_distance({0, y, radius + 0.01F}) < 0.0F);
  }
  CHECK(cone.signed_distance({0, 1.01F, 0}) < 0.0F);
  const ImplicitShape bored({{Kind::box, {}, {1, 1, 1}}, {Kind::cylinder, {}, {0.3F, 2, 0.3F}, 0.0F, true}});
  CHECK_FALSE(bored.is_inside({0, 0, 0}));
  CHECK(bored.is_inside({0.6F, 0, 0}));
  CHECK(summarise(bored.surface(64)).euler == 0);  // a box with a hole through it
}
