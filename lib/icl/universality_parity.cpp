#include <torch/torch.h>

#include "icl/fixture.h"
#include "icl/universal_layer.h"

namespace arzoo::icl {
namespace {

/// The factor of "60.0 * K^2".
double sharpness_factor(const ParityCase& fixture) {
  const auto rule = fixture.config.text("beta_rule");
  try {
    return std::stod(rule);
  } catch (const std::logic_error&) {
    fixture.config.at("beta_rule").reject("expected a rule \"NUMBER * K^2\"");
  }
}

void check_weights(const SingleLayer& layer, const ParityCase& fixture, ParityReport& report) {
  const auto weights = fixture.weights();
  for (const auto& [name, value] : {std::pair{"Wq", layer.wq},
                                    {"Wk", layer.wk},
                                    {"Wv", layer.wv},
                                    {"W1", layer.w1},
                                    {"b1", layer.b1},
                                    {"W2", layer.w2}})
    if (weights.contains(name)) report.check_value(name, value, weights.at(name), fixture.tolerance);
}

/// A row for each K: the errors on a grid, beside the bound.
at::Tensor curve_of(const ParityCase& fixture, const SequenceMap& map, CellGrid grid) {
  std::vector<int64_t> counts;
  fixture.config.at("curve_K").read(counts, nonempty(between(2, 1000)));
  const double factor = sharpness_factor(fixture);
  std::vector<double> numbers;
  for (const auto cells : counts) {
    grid.cells = cells;
    grid.beta = factor * static_cast<double>(cells * cells);
    const auto layer = construct_layer(map, grid);
    const auto points = grid_points(grid, whole_number(fixture, "grid_points_per_axis"),
                                    real_number(fixture, "grid_from"), real_number(fixture, "grid_to"));
    const auto error =
        approximation_error([&](const at::Tensor& x) { return layer.forward(x).y; }, map, grid, points);
    numbers.insert(
        numbers.end(),
        {static_cast<double>(cells), static_cast<double>(grid.heads()), static_cast<double>(grid.width()),
         error.sup_off_corners, error.sup, error.mean,
         grid.bound(real_number(fixture, "lipschitz_sup_norm", map.lipschitz)), error.corner_share});
  }
  return at::tensor(numbers, at::kDouble).view({static_cast<int64_t>(counts.size()), -1});
}

}  // namespace

void replay_universal_layer(const ParityCase& fixture, ParityReport& report) {
  const auto name = fixture.config.text("function");
  if (name != "sort" && name != "reverse" && name != "wave")
    fixture.config.at("function")
        .reject(fmt::format("\"{}\" is of no known kind (expected sort, reverse, wave)", name));
  const auto map = sequence_map(name);
  const CellGrid grid{.tokens = whole_number(fixture, "n"),
                      .coordinates = whole_number(fixture, "d"),
                      .cells = whole_number(fixture, "K"),
                      .beta = real_number(fixture, "beta")};
  const auto layer = construct_layer(map, grid);
  check_weights(layer, fixture, report);
  const auto x = fixture.input("X").to(at::kDouble);
  const auto result = layer.forward(x);
  report.check("head_outputs", result.heads);
  report.check("hidden", result.hidden);
  report.check("Y", result.y);
  report.check("target", map.apply(x));
  if (fixture.io.contains("curve")) report.check("curve", curve_of(fixture, map, grid));
}

}  // namespace arzoo::icl
