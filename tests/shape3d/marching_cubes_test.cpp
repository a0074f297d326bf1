#include "shape3d/marching_cubes.h"

#include "support/test.h"

#include "shape3d/field_refinement.h"
#include "shape3d/surface_points.h"

using namespace arzoo;
using namespace arzoo::shape3d;

namespace {

/// Of a torus around z with radii 0.6 and 0.25.
float torus_depth(io::Vec3 p) { return 0.25F - std::hypot(std::hypot(p.x, p.y) - 0.6F, p.z); }

FieldQuery query_of(float (*depth)(io::Vec3), int64_t* asked = nullptr) {
  return [=](std::span<const io::Vec3> points, std::span<float> values) {
    for (std::size_t i = 0; i < points.size(); ++i) values[i] = depth(points[i]);
    if (asked != nullptr) *asked += static_cast<int64_t>(points.size());
  };
}

FieldGrid noise(int64_t cells, uint64_t seed) {
  std::mt19937_64 random(seed);
  auto grid = cube_grid(cells, 1.0);
  for (auto& value : grid.values) value = static_cast<float>(normal(random));
  close_borders(grid);
  return grid;
}

}  // namespace

TEST_CASE("a torus has its topology, volume and orientation") {
  auto grid = cube_grid(64, 1.0);
  fill_grid(grid, query_of(&torus_depth), {.dense = true});
  const auto summary = summarise(isosurface(grid));
  CHECK(summary.is_watertight());
  CHECK(summary.components == 1);
  CHECK(summary.euler == 0);
  CHECK(summary.volume == Approx(2.0 * 3.14159265 * 3.14159265 * 0.6 * 0.0625).epsilon(0.005));
}

TEST_CASE("a field of noise, with every ambiguous cell there is, gives a closed surface, also when welded") {
  const auto seed = GENERATE(range(1, 40));
  const auto mesh = isosurface(noise(8, static_cast<uint64_t>(seed)));
  const auto summary = summarise(mesh);
  CHECK(summary.triangles > 500);
  CHECK(summary.open_edges == 0);
  CHECK(summary.volume > 0.0);
  CHECK(summarise(io::welded(mesh)).open_edges == 0);
}

TEST_CASE("values of exactly zero are inside and tear nothing") {
  auto grid = cube_grid(4, 1.0);
  for (auto& value : grid.values) value = -1.0F;
  grid.values[grid.index(2, 2, 2)] = 0.0F;
  grid.values[grid.index(2, 2, 1)] = 0.0F;
  const auto mesh = isosurface(grid);
  CHECK(summarise(mesh).is_watertight());
  CHECK(summarise(io::welded(mesh)).is_watertight());
}

TEST_CASE("a field without a crossing has no surface") {
  auto grid = cube_grid(4, 1.0);
  const float value = GENERATE(-1.0F, 1.0F);
  for (auto& each : grid.values) each = value;
  CHECK(isosurface(grid).triangles.empty());
}

TEST_CASE("refinement gives the dense grid's surface for an eighth of its questions") {
  int64_t asked = 0;
  auto dense = cube_grid(128, 1.0), refined = dense;
  fill_grid(dense, query_of(&torus_depth), {.dense = true});
  const int64_t counted = fill_grid(refined, query_of(&torus_depth, &asked), {});
  const auto a = isosurface(dense), b = isosurface(refined);
  CHECK((a.vertices == b.vertices));
  CHECK((a.triangles == b.triangles));
  CHECK(counted == asked);
  CHECK(asked * 8 < static_cast<int64_t>(dense.values.size()));
}

TEST_CASE("refinement follows a surface into cells whose corners do not show it") {
  // A thin spike that leaves a ball: no corner of the coarse cells around it is inside.
  const auto spiked = [](io::Vec3 p) {
    const float ball = 0.4F - length(p);
    const float spike =
        0.012F - std::max({std::abs(p.y - 0.01F), std::abs(p.z - 0.01F), std::abs(p.x - 0.5F) - 0.4F});
    // A step, as a saturated occupancy has it: its size says nothing about distances.
    return std::max(ball, spike) >= 0.0F ? 9.0F : -9.0F;
  };
  const FieldQuery query = [&](std::span<const io::Vec3> points, std::span<float> values) {
    for (std::size_t i = 0; i < points.size(); ++i) values[i] = spiked(points[i]);
  };
  auto dense = cube_grid(128, 1.0), refined = dense;
  fill_grid(dense, query, {.dense = true});
  fill_grid(refined, query, {});
  CHECK(summarise(isosurface(refined)).volume == Approx(summarise(isosurface(dense)).volume).epsilon(1e-6));
}

TEST_CASE("the chunk bounds a question and changes nothing") {
  std::size_t largest = 0;
  const FieldQuery query = [&](std::span<const io::Vec3> points, std::span<float> values) {
    largest = std::max(largest, points.size());
    for (std::size_t i = 0; i < points.size(); ++i) values[i] = torus_depth(points[i]);
  };
  auto small = cube_grid(64, 1.0), large = small;
  fill_grid(small, query, {.chunk = 100});
  CHECK(largest == 100);
  fill_grid(large, query, {});
  CHECK((small.values == large.values));
}
