#include "icl/universal_layer.h"

#include "support/test.h"

using namespace arzoo;
using namespace arzoo::icl;

namespace {

CellGrid grid_of(int64_t tokens, int64_t coordinates, int64_t cells) {
  return {.tokens = tokens,
          .coordinates = coordinates,
          .cells = cells,
          .beta = 60.0 * static_cast<double>(cells * cells)};
}

ApproximationError error_of(const std::string& function, int64_t tokens, int64_t cells, int64_t points) {
  const auto map = sequence_map(function);
  const auto grid = grid_of(tokens, 1, cells);
  const auto layer = construct_layer(map, grid);
  return approximation_error([&](const at::Tensor& x) { return layer.forward(x).y; }, map, grid,
                             grid_points(grid, points, 0.003, 0.997));
}

}  // namespace

TEST_CASE("every token's heads are the steps of the whole sequence") {
  const auto grid = grid_of(3, 2, 4);
  const auto layer = construct_layer(sequence_map("reverse"), grid);
  torch::manual_seed(7);
  const auto x = at::rand({5, 3, 2}, at::kDouble);
  const auto heads = layer.forward(x).heads;
  REQUIRE(heads.sizes() == at::IntArrayRef({5, 3, 18}));
  const auto thresholds = at::arange(1, 4, at::kDouble) / 4.0;
  const auto steps = at::sigmoid(grid.beta * (x.reshape({5, 6, 1}) - thresholds)).reshape({5, 1, 18});
  CHECK(at::allclose(heads, steps.expand({5, 3, 18}), 1e-12, 1e-12));
}

TEST_CASE("in the middle of a cell one hidden unit of each token is on, and gives the value there") {
  const std::string function = GENERATE("sort", "reverse", "wave");
  const auto grid = grid_of(2, 1, 5);
  const auto map = sequence_map(function);
  const auto layer = construct_layer(map, grid);
  const auto centres = grid_points(grid, 5, 0.1, 0.9);
  const auto result = layer.forward(centres);
  CHECK(at::allclose(result.hidden.sum(2), at::ones({25, 2}, at::kDouble), 1e-9, 1e-9));
  CHECK(at::allclose(result.y, map.apply(centres), 1e-9, 1e-9));
}

TEST_CASE("off the corners the error is below the bound and halves with the cells' side") {
  const std::string function = GENERATE("sort", "reverse", "wave");
  double before = 0.0;
  for (const int64_t cells : {4, 8, 16}) {
    const auto error = error_of(function, 2, cells, 61);
    const auto grid = grid_of(2, 1, cells);
    CHECK(error.sup_off_corners <= grid.bound(sequence_map(function).lipschitz));
    if (before > 0.0) CHECK(error.sup_off_corners < 0.65 * before);
    before = error.sup_off_corners;
  }
}

TEST_CASE("three tokens are sorted as well") {
  CHECK(error_of("sort", 3, 4, 13).sup_off_corners <= grid_of(3, 1, 4).bound(1.0));
}
