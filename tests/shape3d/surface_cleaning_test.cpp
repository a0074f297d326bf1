#include "shape3d/surface_cleaning.h"

#include "support/test.h"

#include "shape3d/field_refinement.h"
#include "shape3d/mesh_decimation.h"
#include "shape3d/mesh_smoothing.h"

using namespace arzoo;
using namespace arzoo::shape3d;

namespace {

constexpr float kRing = 0.6F, kTube = 0.25F;

/// A torus around z whose tube has ripples of this height.
io::Mesh torus(int64_t cells, float ripple) {
  auto grid = cube_grid(cells, 1.0);
  fill_grid(grid,
            [&](std::span<const io::Vec3> points, std::span<float> values) {
              for (std::size_t i = 0; i < points.size(); ++i) {
                const auto p = points[i];
                values[i] = kTube - std::hypot(std::hypot(p.x, p.y) - kRing, p.z) +
                            ripple * std::sin(40.0F * p.x) * std::sin(40.0F * p.z);
              }
            },
            {.dense = true});
  return isosurface(grid);
}

/// The mean distance of the vertices to the torus without ripples.
double mean_error(const io::Mesh& mesh) {
  double sum = 0.0;
  for (const auto& p : mesh.vertices) sum += std::abs(kTube - std::hypot(std::hypot(p.x, p.y) - kRing, p.z));
  return sum / static_cast<double>(mesh.vertices.size());
}

}  // namespace

TEST_CASE("smoothing takes ripples away and leaves volume and topology") {
  const auto rippled = torus(64, 0.02F);
  const auto smooth = smoothed(rippled, 100);
  CHECK(mean_error(smooth) < 0.4 * mean_error(rippled));
  const auto before = summarise(rippled), after = summarise(smooth);
  CHECK(after.is_watertight());
  CHECK(after.euler == 0);
  CHECK(after.volume == Approx(before.volume).epsilon(0.01));
  CHECK((smooth.triangles == rippled.triangles));
}

TEST_CASE("decimation reaches the number of triangles and keeps a surface closed") {
  const auto mesh = torus(64, 0.0F);
  const auto fewer = decimated(mesh, 500);
  CHECK(fewer.triangles.size() <= 500);
  CHECK(fewer.triangles.size() > 400);
  const auto before = summarise(mesh), after = summarise(fewer);
  CHECK(after.is_watertight());
  CHECK(after.euler == 0);
  CHECK(after.volume == Approx(before.volume).epsilon(0.1));
  CHECK((decimated(mesh, static_cast<int64_t>(mesh.triangles.size())).triangles == mesh.triangles));
}

TEST_CASE("cleaning takes more steps on a finer grid, and nothing by default") {
  const auto mesh = torus(32, 0.01F);
  CHECK((cleaned(mesh, {}, 32).vertices == mesh.vertices));
  CHECK((cleaned(mesh, {.smooth = 160}, 32).vertices == smoothed(mesh, 10).vertices));
  CHECK((cleaned(mesh, {.smooth = 1}, 32).vertices == smoothed(mesh, 1).vertices));
  CHECK(cleaned({}, {.smooth = 10, .triangles = 10}, 32).triangles.empty());
}
