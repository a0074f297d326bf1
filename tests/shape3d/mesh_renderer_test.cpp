#include "io/mesh_renderer.h"

#include "support/test.h"

#include "shape3d/implicit_shape.h"

using namespace arzoo;
using namespace arzoo::shape3d;

namespace {

double covered(const io::Picture& picture) {
  int64_t dark = 0;
  for (const auto pixel : picture.pixels) dark += pixel == 0 ? 1 : 0;
  return static_cast<double>(dark) / static_cast<double>(picture.pixels.size());
}

}  // namespace

TEST_CASE("a ball's outline is a disc from every side") {
  const auto mesh = ImplicitShape({{SolidPart::Kind::ellipsoid, {}, {1, 1, 1}}}).surface(48);
  const double disc = 3.14159265 * 0.95 * 0.95 / (2.8 * 2.8);
  for (const double azimuth : {0.0, 77.0, 180.0}) {
    io::View view;
    view.azimuth = azimuth;
    CHECK(covered(io::silhouette(mesh, view)) == Approx(disc).epsilon(0.02));
  }
}

TEST_CASE("up is up, right is right, and the nearer surface hides the farther") {
  io::Mesh mesh;
  mesh.vertices = {{0.2F, 0.2F, 0}, {1, 0.2F, 0}, {0.2F, 1, 0}};
  mesh.triangles = {{0, 1, 2}};
  io::View front;
  front.elevation = 0.0;
  front.pixels = 44;
  front.half = 1.1;
  const auto outline = io::silhouette(mesh, front);
  CHECK(outline.pixels[static_cast<std::size_t>(15 * 44 + 27)] == 0);
  CHECK(outline.pixels[static_cast<std::size_t>(30 * 44 + 27)] == 255);
  CHECK(outline.pixels[static_cast<std::size_t>(15 * 44 + 15)] == 255);
  front.azimuth = 180.0;
  CHECK(io::silhouette(mesh, front).pixels[static_cast<std::size_t>(15 * 44 + 16)] == 0);
}

TEST_CASE("a turn table shows as many different sides as are asked for") {
  const auto pictures = io::turn_table(make_solid("mug", 1, 0).surface(48), 4);
  REQUIRE(pictures.size() == 4);
  CHECK(pictures[0].pixels != pictures[1].pixels);
  CHECK(pictures[0].channels == 3);
}

TEST_CASE("a turned camera sees what a mesh turned the other way shows") {
  auto mesh = make_solid("chair", 3, 0).surface(32);
  io::View view;
  view.pixels = 96;
  view.azimuth = 90.0;
  const auto from_the_side = io::silhouette(mesh, view);
  for (auto& vertex : mesh.vertices) vertex = {-vertex.z, vertex.y, vertex.x};  // 90 degrees around y
  view.azimuth = 0.0;
  const auto turned = io::silhouette(mesh, view);
  int64_t differ = 0;
  for (std::size_t i = 0; i < turned.pixels.size(); ++i)
    differ += turned.pixels[i] != from_the_side.pixels[i] ? 1 : 0;
  CHECK(differ < 20);  // pixels at the border
  CHECK(covered(turned) > 0.05);
}

TEST_CASE("a picture does not depend on the order of the triangles, and shows what the outline covers") {
  auto mesh = make_solid("mug", 3, 0).surface(32);
  io::View view;
  view.pixels = 96;
  const auto picture = io::render(mesh, view), outline = io::silhouette(mesh, view);
  std::reverse(mesh.triangles.begin(), mesh.triangles.end());
  CHECK(io::silhouette(mesh, view).pixels == outline.pixels);
  const auto again = io::render(mesh, view);
  int64_t differ = 0, white = 0, dark = 0;
  for (std::size_t i = 0; i < outline.pixels.size(); ++i) {
    const auto* pixel = &picture.pixels[3 * i];
    differ += std::abs(pixel[0] - again.pixels[3 * i]) > 2 ? 1 : 0;
    if (outline.pixels[i] == 0) dark += pixel[0] < 250 ? 1 : 0;
    if (outline.pixels[i] == 255) white += pixel[0] == 255 ? 1 : 0;
  }
  CHECK(differ < 20);
  CHECK(dark + white > 96 * 96 * 95 / 100);
}
