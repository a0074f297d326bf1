#include "shape3d/bvh.h"

#include "support/test.h"

#include "io/mesh_file.h"
#include "shape3d/implicit_shape.h"
#include "shape3d/shape_set.h"
#include "shape3d/surface_points.h"

using namespace arzoo;
using namespace arzoo::shape3d;

namespace {

/// A closed box; inside_out: its triangles face inwards.
io::Mesh box_of(io::Vec3 low, io::Vec3 high, bool inside_out = false) {
  io::Mesh mesh;
  for (int i = 0; i < 8; ++i)
    mesh.vertices.push_back({i & 1 ? high.x : low.x, i & 2 ? high.y : low.y, i & 4 ? high.z : low.z});
  mesh.triangles = {{0, 2, 1}, {1, 2, 3}, {4, 5, 6}, {5, 7, 6}, {0, 1, 4}, {1, 5, 4},
                    {2, 6, 3}, {3, 6, 7}, {0, 4, 2}, {2, 4, 6}, {1, 3, 5}, {3, 7, 5}};
  if (inside_out) {
    for (auto& triangle : mesh.triangles) std::swap(triangle[1], triangle[2]);
  }
  return mesh;
}

io::Mesh together(std::vector<io::Mesh> parts) {
  io::Mesh all;
  for (const auto& part : parts) {
    const auto first = static_cast<int32_t>(all.vertices.size());
    all.vertices.insert(all.vertices.end(), part.vertices.begin(), part.vertices.end());
    for (auto triangle : part.triangles) {
      for (auto& index : triangle) index += first;
      all.triangles.push_back(triangle);
    }
  }
  return all;
}

/// The least distance to densely laid points of all triangles, no less than the true one.
double distance_by_points(const io::Mesh& mesh, io::Vec3 query, int steps) {
  double least = HUGE_VAL;
  for (const auto& triangle : mesh.triangles) {
    for (int i = 0; i <= steps; ++i) {
      for (int j = 0; i + j <= steps; ++j) {
        const float a = static_cast<float>(i) / static_cast<float>(steps),
                    b = static_cast<float>(j) / static_cast<float>(steps);
        const auto point = mesh.corner(triangle, 0) * (1.0F - a - b) + mesh.corner(triangle, 1) * a +
                           mesh.corner(triangle, 2) * b;
        least = std::min(least, double{length(point - query)});
      }
    }
  }
  return least;
}

}  // namespace

TEST_CASE("the triangle tree finds the surface's nearest point") {
  std::mt19937_64 random(2);
  io::Mesh soup;
  for (int i = 0; i < 90; ++i) soup.vertices.push_back(volume_point(1.0, random));
  for (int32_t i = 0; i < 90; i += 3) soup.triangles.push_back({i, i + 1, i + 2});
  soup.triangles.push_back({4, 4, 7});  // a triangle that is a line
  const Bvh tree(soup);
  for (int i = 0; i < 40; ++i) {
    const auto query = volume_point(1.5, random);
    const auto found = tree.nearest(query);
    const double laid = distance_by_points(soup, query, 60);
    CHECK(found.distance <= laid + 1e-5);
    CHECK(found.distance >= laid - 0.05);
    CHECK(length(found.point - query) == Approx(found.distance).margin(1e-5));
    io::Mesh own;
    own.vertices = soup.vertices;
    own.triangles = {soup.triangles[found.triangle]};
    CHECK(distance_by_points(own, found.point, 60) < 0.03);
  }
}

TEST_CASE("the signed distance of a box is the one of its formula") {
  const io::Vec3 half{0.8F, 0.5F, 0.3F};
  const Bvh tree(box_of(half * -1.0F, half));
  std::mt19937_64 random(4);
  for (int i = 0; i < 500; ++i) {
    const auto p = volume_point(1.2, random);
    double outside = 0.0, inside = -HUGE_VAL;
    for (int axis = 0; axis < 3; ++axis) {
      const double beyond = std::abs(p[axis]) - half[axis];
      outside += beyond > 0.0 ? beyond * beyond : 0.0;
      inside = std::max(inside, beyond);
    }
    CHECK(tree.signed_distance(p) == Approx(inside > 0.0 ? -std::sqrt(outside) : -inside).margin(1e-5));
  }
}

TEST_CASE("inside-out parts are flipped, and cavities stay cavities") {
  const auto outer = box_of({-1, -1, -1}, {1, 1, 1}),
             hole = box_of({-0.5F, -0.5F, -0.5F}, {0.5F, 0.5F, 0.5F}, true);
  const auto apart = box_of({2, 0, 0}, {3, 1, 1}), inverted = box_of({2, 0, 0}, {3, 1, 1}, true);
  const auto inverse = [](io::Mesh mesh) {
    for (auto& triangle : mesh.triangles) std::swap(triangle[1], triangle[2]);
    return mesh;
  };
  const auto flat = box_of({-1, -1, 0}, {1, 1, 1e-4F});
  struct Case {
    const char* what;
    io::Mesh mesh;
    int64_t turned;
    double volume;
  };
  for (auto& each : std::vector<Case>{{"a box", outer, 0, 8},
                                      {"an inverted box", inverse(outer), 1, 8},
                                      {"a thin plate", flat, 0, 4e-4},
                                      {"an inverted thin plate", inverse(flat), 1, 4e-4},
                                      {"a cavity", together({outer, hole}), 0, 7},
                                      {"all inverted", inverse(together({outer, hole})), 2, 7},
                                      {"two boxes", together({outer, apart}), 0, 9},
                                      {"one of two", together({outer, inverted}), 1, 9},
                                      {"the larger of two", together({inverse(outer), apart}), 1, 9},
                                      {"one beside a cavity", together({outer, hole, inverted}), 1, 8}}) {
    INFO(each.what);
    CHECK(turn_outwards(each.mesh) == each.turned);
    CHECK(summarise(each.mesh).volume == Approx(each.volume));
  }
}

TEST_CASE("a folder's inside-out mesh is flipped with a note, and its inside is its inside") {
  const test::TempDir folder;
  auto mesh = make_solid("table", 1, 0).surface(32);
  io::write_mesh(folder / "good.obj", mesh);
  for (auto& triangle : mesh.triangles) std::swap(triangle[1], triangle[2]);
  io::write_mesh(folder / "turned.obj", mesh);
  ShapeSet set;
  set.add_meshes(folder.path(), 3, {.surface = 64, .volume = 400, .near = 8});
  REQUIRE(set.shapes().size() == 2);
  REQUIRE(set.notes().size() == 1);
  CHECK_THAT(set.notes()[0], ContainsSubstring("turned.obj: inside out, flipped"));
  for (const auto& shape : set.shapes()) {
    CHECK(summarise(shape.mesh).volume > 0.1);
    const auto inside = std::count(shape.volume.inside.begin(), shape.volume.inside.end(), 1);
    CHECK(inside / 400.0 == Approx(summarise(shape.mesh).volume / 8.0).margin(0.08));
    CHECK(inside > 0);
  }
}
