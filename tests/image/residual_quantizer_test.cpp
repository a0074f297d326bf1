#include "image/residual_quantizer.h"

#include "core/error.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::image;

namespace {

VqvaeOptions quantizer_options(int64_t shared = 4, double quant_resi = 0.5) {
  VqvaeOptions options;
  options.vocab_size = 24;
  options.z_channels = 4;
  options.quant_resi = quant_resi;
  options.share_quant_resi = shared;
  options.v_patch_nums = {1, 2, 3, 5};
  return options;
}

ResidualQuantizer quantizer_of(const VqvaeOptions& options) {
  torch::manual_seed(8);
  ResidualQuantizer quantizer(options);
  quantizer.initialise();
  return quantizer;
}

double error_of(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

}  // namespace

TEST_CASE("the nearest code is the one of least distance, asked one by one, the first of equal ones") {
  torch::manual_seed(1);
  const auto z = at::randn({50, 6}), codebook = at::randn({30, 6});
  const auto found = nearest_codes(z, codebook);
  for (int64_t i = 0; i < 50; ++i) {
    const auto distances = (codebook - z[i]).square().sum(1);
    CHECK(distances[found[i].item<int64_t>()].item<double>() ==
          Approx(distances.min().item<double>()).epsilon(1e-4));
  }
  CHECK(nearest_codes(at::zeros({1, 2}), at::ones({5, 2})).item<int64_t>() == 0);
}

TEST_CASE("phi's convolutions are spread over the scales from the first to the last") {
  for (const int64_t phis : {1, 2, 3, 4, 7}) {
    const auto indices = phi_indices(10, phis);
    CHECK(std::is_sorted(indices.begin(), indices.end()));
    CHECK(indices.front() == 0);
    CHECK(indices.back() == phis - 1);
    for (std::size_t i = 1; i < indices.size(); ++i) CHECK(indices[i] - indices[i - 1] <= 1);
  }
}

TEST_CASE("the sums of a code's token maps are the sums that encoding left") {
  const int64_t shared = GENERATE(0, 1, 4);
  const auto quantizer = quantizer_of(quantizer_options(shared));
  const auto grids = square_grids({1, 2, 3, 5});
  torch::manual_seed(2);
  const auto f = at::randn({3, 4, 5, 5});
  const auto code = quantizer.encode(f, grids);
  const auto sums = quantizer.sums(code.ids, grids);
  REQUIRE(sums.size() == grids.size());
  for (std::size_t k = 0; k < sums.size(); ++k) CHECK(error_of(sums[k], code.f_hat[k]) < 1e-5);
  CHECK(error_of(quantizer.sum_of(quantizer.vectors(code.ids), grids), sums.back()) < 1e-5);
  const auto pass = quantizer.train_pass(f, grids);
  CHECK(error_of(pass.f_hat, sums.back()) < 1e-5);
  for (std::size_t k = 0; k < grids.size(); ++k) CHECK(pass.ids[k].equal(code.ids[k]));
}

TEST_CASE("each token of a scale is the best code for what the scales before it left over") {
  const auto quantizer = quantizer_of(quantizer_options(0, 0.0));  // no phi: the codes themselves are added
  const auto grids = square_grids({1, 2, 3, 5});
  torch::manual_seed(3);
  const auto f = at::randn({2, 4, 5, 5});
  const auto code = quantizer.encode(f, grids);
  // At the finest scale what is added is the code vector at the pixel: no other would come nearer to f.
  const auto rest = f - code.f_hat[2];
  const auto rows = rest.permute({0, 2, 3, 1}).reshape({-1, 1, 4});
  const auto distances = (rows - quantizer.codebook().unsqueeze(0)).square().sum(-1);
  CHECK(distances.argmin(1).equal(code.ids[3].flatten()));
  CHECK((f - code.f_hat[3]).square().sum().item<double>() < rest.square().sum().item<double>());
}

TEST_CASE("what the transformer sees of a scale depends on the scales before it alone") {
  const auto quantizer = quantizer_of(quantizer_options());
  const auto grids = square_grids({1, 2, 3, 5});
  std::vector<at::Tensor> ids;
  torch::manual_seed(4);
  for (const auto& grid : grids) ids.push_back(at::randint(24, {2, grid.tokens()}, at::kLong));
  const auto inputs = quantizer.teacher_input(ids, grids);
  CHECK(inputs.sizes() == at::IntArrayRef({2, 4 + 9 + 25, 4}));
  auto changed = ids;
  changed[2] = 23 - changed[2];
  const auto others = quantizer.teacher_input(changed, grids);
  CHECK(others.narrow(1, 0, 4 + 9).equal(inputs.narrow(1, 0, 4 + 9)));
  CHECK(error_of(others.narrow(1, 13, 25), inputs.narrow(1, 13, 25)) > 1e-3);
  // Step by step, as generation has it.
  auto f_hat = at::zeros({2, 4, 5, 5});
  int64_t begin = 0;
  for (int64_t k = 0; k < 3; ++k) {
    const auto grid = grids[static_cast<std::size_t>(k)], next = grids[static_cast<std::size_t>(k) + 1];
    quantizer.add_scale(f_hat, quantizer.lookup(ids[static_cast<std::size_t>(k)], grid), k, 4);
    CHECK(error_of(ResidualQuantizer::next_input(f_hat, next), inputs.narrow(1, begin, next.tokens())) <
          1e-5);
    begin += next.tokens();
  }
}

TEST_CASE("the straight-through pass hands the gradient of the codes to the features") {
  const auto quantizer = quantizer_of(quantizer_options());
  const auto grids = square_grids({1, 2, 3, 5});
  torch::manual_seed(5);
  const auto f = at::randn({1, 4, 5, 5}).requires_grad_(true), weights = at::randn({1, 4, 5, 5});
  (quantizer.train_pass(f, grids).f_hat * weights).sum().backward();
  CHECK(error_of(f.grad(), weights) < 1e-6);
}

TEST_CASE("unused codes move to where features are, used ones stay") {
  auto quantizer = quantizer_of(quantizer_options());
  const auto grids = square_grids({1, 2, 3, 5});
  const auto before = quantizer.codebook().detach().clone();
  auto unused = at::zeros({24}, at::kBool);
  unused.narrow(0, 6, 10).fill_(true);
  const auto f = at::randn({2, 4, 5, 5}) * 50.0 + 200.0;
  quantizer.count_uses(quantizer.encode(f, grids).ids, /*first=*/true);
  CHECK(quantizer.uses().sum().item<double>() == Approx(2 * (1 + 4 + 9 + 25)));
  quantizer.replace_codes(unused, f, grids);
  const auto moved = (quantizer.codebook().detach() - before).abs().sum(1).gt(0.0);
  CHECK(moved.equal(unused));
  CHECK_THROWS_AS(quantizer.encode(at::randn({1, 4, 4, 4}), grids), UsageError);
}
