#include "shape3d/mesh_renderer.h"

#include "support/test.h"

#include "shape3d/implicit_shape.h"

using namespace arzoo;
using namespace arzoo::shape3d;

namespace {

double covered(const Picture& picture) {
  int64_t dark = 0;
  for (const auto pixel : picture.pixels) dark += pixel == 0 ? 1 : 0;
  return static_cast<double>(dark) / static_cast<double>(picture.pixels.size());
}

}  // namespace

TEST_CASE("a ball's outline is a disc from every side") {
  const auto mesh = ImplicitShape({{SolidPart::Kind::ellipsoid, {}, {1, 1, 1}}}).surface(48);
  const double disc = 3.14159265 * 0.95 * 0.95 / (2.8 * 2.8);
  for (const double azimuth : {0.0, 77.0, 180.0}) {
    View view;
    view.azimuth = azimuth;
    CHECK(covered(silhouette(mesh, view)) == Approx(disc).epsilon(0.02));
  }
}

TEST_CASE("up is up, right is right, and the nearer surface hides the farther") {
  Mesh mesh;
  mesh.vertices = {{0.2F, 0.2F, 0}, {1, 0.2F, 0}, {0.2F, 1, 0}};
  mesh.triangles = {{0, 1, 2}};
  View front;
  front.elevation = 0.0;
  front.pixels = 44;
  front.half = 1.1;
  const auto outline = silhouette(mesh, front);
  CHECK(outline.pixels[static_cast<std::size_t>(15 * 44 + 27)] == 0);
  CHECK(outline.pixels[static_cast<std::size_t>(30 * 44 + 27)] == 255);
  CHECK(outline.pixels[static_cast<std::size_t>(15 * 44 + 15)] == 255);
  front.azimuth = 180.0;
  CHECK(silhouette(mesh, front).pixels[static_cast<std::size_t>(15 * 44 + 16)] == 0);
}

TEST_CASE("a turn table shows as many different sides as are asked for") {
  const auto pictures = turn_table(make_solid("mug", 1, 0).surface(48), 4);
  REQUIRE(pictures.size() == 4);
  CHECK(pictures[0].pixels != pictures[1].pixels);
  CHECK(pictures[0].channels == 3);
}
