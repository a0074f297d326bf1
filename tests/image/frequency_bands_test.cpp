#include "image/frequency_bands.h"

#include <numbers>
#include <numeric>

#include "core/error.h"
#include "image/residual_quantizer.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::image;

namespace {

/// A wave of so many periods along each axis, [1, 1, H, W].
at::Tensor wave(const Grid& grid, int64_t rows, int64_t columns) {
  const auto y = at::arange(grid.height) *
                 (2.0 * std::numbers::pi * static_cast<double>(rows) / static_cast<double>(grid.height));
  const auto x = at::arange(grid.width) *
                 (2.0 * std::numbers::pi * static_cast<double>(columns) / static_cast<double>(grid.width));
  return (y.unsqueeze(1) + x.unsqueeze(0)).cos().view({1, 1, grid.height, grid.width});
}

double error_of(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

}  // namespace

TEST_CASE("each wave passes whole from the band of its frequency on, and not at all before") {
  const std::string rule = GENERATE("linear", "area");
  const Grids grids{{1, 1}, {2, 3}, {4, 5}, {6, 8}};
  const FrequencyBands bands(rule, grids);
  const auto [rows, columns] = GENERATE(table<int64_t, int64_t>({{0, 0}, {1, 0}, {0, 2}, {2, 3}, {3, 4}}));
  const auto f = wave(grids.back(), rows, columns);
  const auto own = bands.bands()[rows][columns].item<int64_t>();
  const auto passed = bands.low_passes(f);
  REQUIRE(passed.size() == grids.size());
  for (std::size_t k = 0; k < passed.size(); ++k) {
    INFO(rule << ": wave " << rows << ", " << columns << " of band " << own << " in band " << k);
    CHECK(error_of(passed[k], static_cast<int64_t>(k) >= own ? f : at::zeros_like(f)) < 1e-5);
  }
}

TEST_CASE("every bin lies in one band, and by area they grow with the tokens") {
  const auto grids = square_grids({1, 2, 3, 4, 5, 6, 8, 10, 13, 16});
  const auto linear = FrequencyBands("linear", grids).counts(), area = FrequencyBands("area", grids).counts();
  CHECK(linear == std::vector<int64_t>{1, 0, 0, 0, 0, 8, 12, 36, 92, 107});
  CHECK(std::accumulate(area.begin(), area.end(), int64_t{0}) == 256);
  // Only the second token map, of four tokens, is left without a ring of bins.
  CHECK(std::count(area.begin(), area.end(), 0) == 1);
  CHECK_THROWS_AS(FrequencyBands("none", grids), UsageError);
}

TEST_CASE("a quantiser of bands sums up to the low-passed features, and without a rule to the features") {
  VqvaeOptions options;
  options.vocab_size = 400;
  options.z_channels = 2;
  options.quant_resi = 0.0;
  options.v_patch_nums = {1, 2, 4, 8};
  const auto grids = square_grids(options.v_patch_nums);
  torch::manual_seed(3);
  const auto f = at::randn({2, 2, 8, 8});
  const auto distances = [&](const std::string& rule) {
    options.band_rule = rule;
    torch::manual_seed(5);
    ResidualQuantizer quantizer(options);
    quantizer.initialise();
    const auto code = quantizer.encode(f, grids);
    const auto low_passed = FrequencyBands("area", grids).low_passes(f);
    return std::pair{(code.f_hat[2] - low_passed[2]).square().mean().item<double>(),
                     (code.f_hat.back() - f).square().mean().item<double>()};
  };
  const auto none = distances("none"), area = distances("area");
  CHECK(area.first < none.first);
  CHECK(area.second < 0.3);
  CHECK(none.second < 0.3);
}

TEST_CASE("the gradient of a quantiser of bands reaches the features through the transform") {
  VqvaeOptions options;
  options.vocab_size = 16;
  options.z_channels = 3;
  options.v_patch_nums = {1, 2, 4};
  options.band_rule = GENERATE(as<std::string>{}, "none", "linear", "area");
  ResidualQuantizer quantizer(options);
  quantizer.initialise();
  const auto f = at::randn({1, 3, 4, 4}).requires_grad_(true);
  const auto pass = quantizer.train_pass(f, square_grids(options.v_patch_nums));
  pass.loss.backward();
  CHECK(f.grad().isfinite().all().item<bool>());
  CHECK(f.grad().abs().sum().item<double>() > 0.0);
  // Straight through: what is decoded is the sum of the codes.
  const auto code = quantizer.encode(f.detach(), square_grids(options.v_patch_nums));
  CHECK(error_of(pass.f_hat.detach(), code.f_hat.back()) < 1e-5);
}
