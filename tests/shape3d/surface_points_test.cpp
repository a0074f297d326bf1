#include "shape3d/surface_points.h"

#include "support/test.h"

#include "core/error.h"
#include "shape3d/bvh.h"
#include "shape3d/implicit_shape.h"
#include "shape3d/shape_metrics.h"

using namespace arzoo;
using namespace arzoo::shape3d;

TEST_CASE("points sampled on a surface lie on it and spread by area") {
  io::Mesh mesh;
  mesh.vertices = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 5}, {3, 0, 5}, {0, 1, 5}};
  mesh.triangles = {{0, 1, 2}, {3, 4, 5}};
  std::mt19937_64 random(1);
  const auto sampled = sample_surface(mesh, 4000, random);
  int64_t above = 0;
  io::Vec3 mean;
  for (const auto& point : sampled.points) {
    const bool is_above = point.z > 2.5F;
    CHECK(point.z == Approx(is_above ? 5.0 : 0.0).margin(1e-5));
    CHECK(point.x / (is_above ? 3.0F : 1.0F) + point.y <= 1.0001F);
    if (is_above) ++above;
    if (!is_above) mean = mean + point;
  }
  CHECK(above / 4000.0 == Approx(0.75).margin(0.03));
  CHECK(mean.x / static_cast<float>(4000 - above) == Approx(1.0 / 3.0).margin(0.03));
  CHECK((sampled.normals.front() == io::Vec3{0, 0, 1}));
}

TEST_CASE("a surface without area and a mesh without extent are refused") {
  io::Mesh mesh;
  mesh.vertices = {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}};
  mesh.triangles = {{0, 1, 2}};
  std::mt19937_64 random(1);
  CHECK_THROWS_AS(sample_surface(mesh, 1, random), DataError);
  CHECK_THROWS_AS(placement(mesh, 1.0), DataError);
}

TEST_CASE("a normalised mesh fills its cube, and points find back") {
  io::Mesh mesh;
  mesh.vertices = {{10, 0, 0}, {30, 5, 0}, {10, 5, 8}};
  const auto where = placement(mesh, 0.95);
  CHECK(where.into({10, 0, 0}).x == Approx(-0.95));
  CHECK(where.into({30, 5, 8}).x == Approx(0.95));
  CHECK(where.back(where.into({12, 3, 4})).y == Approx(3.0));
}

TEST_CASE("the tree's distances and winding numbers are those of the solid") {
  const ImplicitShape ball({{SolidPart::Kind::ellipsoid, {}, {1, 1, 1}}});
  const Bvh tree(ball.surface(96));
  std::mt19937_64 random(3);
  for (int i = 0; i < 2000; ++i) {
    const auto point = volume_point(1.0, random);
    const float depth = 0.95F - length(point);
    CHECK(tree.signed_distance(point) == Approx(depth).margin(0.004));
    if (std::abs(depth) < 0.02F) continue;
    CHECK(tree.winding_number(point) == Approx(depth > 0 ? 1.0 : 0.0).margin(0.1));
  }
}

TEST_CASE("every kind of solid is closed, fills its cube, and agrees with its surface about inside") {
  const auto name = GENERATE(from_range(solid_names()));
  INFO(name);
  const auto solid = make_solid(name, 7, 3);
  const auto mesh = solid.surface(64);
  const auto summary = summarise(mesh);
  CHECK(summary.is_watertight());
  CHECK(summary.components == 1);
  const auto size = summary.box.size();
  CHECK(std::max({size.x, size.y, size.z}) == Approx(2 * kSolidHalf).margin(0.06));
  const Bvh tree(mesh);
  std::mt19937_64 random(5);
  int64_t differ = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto point = volume_point(1.0, random);
    if (std::abs(tree.nearest(point).distance) > 0.03F && tree.is_inside(point) != solid.is_inside(point))
      ++differ;
  }
  CHECK(differ == 0);
  CHECK(make_solid(name, 7, 3).signed_distance({0.1F, 0.2F, 0.3F}) ==
        solid.signed_distance({0.1F, 0.2F, 0.3F}));
  CHECK(make_solid(name, 7, 4).signed_distance({0.1F, 0.2F, 0.3F}) !=
        solid.signed_distance({0.1F, 0.2F, 0.3F}));
}

TEST_CASE("an unknown solid is named with the nearest") {
  CHECK_THROWS_WITH(make_solid("tabel", 1, 0), ContainsSubstring("did you mean \"table\"?"));
}

TEST_CASE("distances of a surface to itself and to one moved by a tenth") {
  const auto solid = make_solid("box", 1, 1);
  std::mt19937_64 random(1);
  auto a = sample_surface(solid.surface(48), 5000, random);
  CHECK(point_distances(a, a).chamfer() == 0.0);
  CHECK(point_distances(a, a).f_score(0.01) == 1.0);
  CHECK(point_distances(a, a).normal_consistency == Approx(1.0).margin(1e-5));
  auto b = a;
  for (auto& point : b.points) point.x += 5.0F;
  const auto far = point_distances(a, b);
  CHECK(far.chamfer() > 4.0);
  CHECK(far.f_score(0.1) == 0.0);
}
