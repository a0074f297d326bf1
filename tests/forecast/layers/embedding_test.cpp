#include "forecast/layers/embedding.h"

#include "core/error.h"
#include "forecast/layers/distilling.h"
#include "nn/position_table.h"
#include "runtime/named_tensors.h"
#include "support/test.h"

using namespace arzoo;
using forecast::DataEmbedding;
using forecast::EmbeddingOptions;

namespace {

at::Tensor literal_values(const runtime::NamedTensors& weights, const at::Tensor& x, bool bias) {
  const auto joined = at::pad(x.transpose(1, 2), {1, 1}, "circular");
  return at::conv1d(joined, weights.at("value_embedding.tokenConv.weight"),
                    bias ? std::optional(weights.at("value_embedding.tokenConv.bias")) : std::nullopt)
      .transpose(1, 2);
}

at::Tensor codes_of(int64_t length) {
  const auto t = at::arange(length, at::kFloat);
  return at::stack({t.remainder(12).add(1), t.remainder(31).add(1), t.remainder(7), t.remainder(24),
                    t.remainder(4)},
                   1)
      .unsqueeze(0);
}

}  // namespace

TEST_CASE("values, calendar values and positions are summed as in the paper") {
  const bool bias = GENERATE(true, false), positions = GENERATE(true, false);
  torch::manual_seed(1);
  DataEmbedding embedding({3, 8, 4, "timeF", 0.0, bias, positions});
  const auto weights = runtime::state_dict(embedding);
  const auto x = at::randn({2, 11, 3}), marks = at::rand({2, 11, 4});
  auto expected =
      literal_values(weights, x, bias) +
      at::linear(marks, weights.at("temporal_embedding.embed.weight"),
                 bias ? std::optional(weights.at("temporal_embedding.embed.bias")) : std::nullopt);
  if (positions) expected = expected + nn::position_table(11, 8);
  CHECK(at::allclose(embedding.forward(x, marks), expected, 1e-5, 1e-5));
  const c10::InferenceMode inference;
  CHECK(at::allclose(embedding.forward(x, marks), expected, 1e-5, 1e-5));
}

TEST_CASE("integer codes look up the rows of their tables, minutes where there are any") {
  const auto kind = GENERATE(as<std::string>{}, "fixed", "learned");
  const int64_t columns = GENERATE(4, 5);
  torch::manual_seed(2);
  DataEmbedding embedding({2, 6, columns, kind, 0.0});
  const auto weights = runtime::state_dict(embedding);
  const auto x = at::randn({1, 9, 2}), codes = codes_of(9).narrow(2, 0, columns);
  auto expected = literal_values(weights, x, false) + nn::position_table(9, 6);
  const char* names[] = {"month", "day", "weekday", "hour", "minute"};
  for (int64_t c = 0; c < columns; ++c) {
    const auto key =
        fmt::format("temporal_embedding.{}_embed{}.weight", names[c], kind == "fixed" ? ".emb" : "");
    expected = expected + weights.at(key).index_select(0, codes[0].select(1, c).to(at::kLong)).unsqueeze(0);
  }
  CHECK(at::allclose(embedding.forward(x, codes), expected, 1e-5, 1e-5));
  CHECK(weights.contains("temporal_embedding.minute_embed.emb.weight") == (kind == "fixed" && columns == 5));
}

TEST_CASE("fixed tables are positions and are not trained, learned ones are") {
  const auto kind = GENERATE(as<std::string>{}, "fixed", "learned");
  DataEmbedding embedding({2, 6, 4, kind, 0.0});
  for (const auto& entry : embedding.named_parameters()) {
    if (entry.key().find("temporal") == std::string::npos) continue;
    CHECK(entry.value().requires_grad() == (kind == "learned"));
    if (kind == "fixed") CHECK(at::equal(entry.value(), nn::position_table(entry.value().size(0), 6)));
  }
}

TEST_CASE("calendar features that do not fit are refused") {
  DataEmbedding codes({2, 6, 4, "fixed", 0.0}), values({2, 6, 4, "timeF", 0.0});
  const auto x = at::randn({1, 3, 2});
  CHECK_THROWS_WITH(codes.forward(x, at::full({1, 3, 4}, -1.0)), ContainsSubstring("outside 0..12"));
  CHECK_THROWS_WITH(codes.forward(x, at::full({1, 3, 4}, 13.0)), ContainsSubstring("timeenc 0"));
  CHECK_THROWS_WITH(values.forward(x, {}), ContainsSubstring("0 per step, the model expects 4"));
  CHECK_THROWS_WITH(values.forward(x, at::zeros({1, 3, 5})), ContainsSubstring("5 per step"));
  CHECK_THROWS_AS(DataEmbedding({2, 6, 7, "fixed", 0.0}), ConfigError);
}

TEST_CASE("a model without a calendar has no tables for it") {
  DataEmbedding embedding({2, 6, 0, "timeF", 0.0});
  CHECK(embedding.forward(at::randn({1, 5, 2}), {}).sizes() == at::IntArrayRef({1, 5, 6}));
  CHECK_FALSE(runtime::state_dict(embedding).contains("temporal_embedding.embed.weight"));
}

TEST_CASE("a distilling layer is convolution, batch norm, ELU and max pooling, and keeps the statistics") {
  const auto [length, pad] = GENERATE(table<int64_t, int64_t>({{12, 1}, {13, 1}, {12, 2}, {13, 2}, {3, 1}}));
  const int64_t padding = pad;
  torch::manual_seed(3);
  forecast::DistillingLayer layer(6, padding);
  torch::nn::BatchNorm1d norm(6);
  auto x = at::randn({4, length, 6}).requires_grad_();
  const auto weights = runtime::state_dict(layer);
  const auto literal = [&] {
    const auto joined = at::pad(x.transpose(1, 2), {padding, padding}, "circular");
    const auto convolved = at::conv1d(joined, weights.at("downConv.weight"), weights.at("downConv.bias"));
    return at::max_pool1d(at::elu(norm(convolved)), {3}, {2}, {1}).transpose(1, 2);
  };
  const auto direction = at::randn(literal().sizes());
  norm->reset_running_stats();
  const auto ours = layer.forward(x), theirs = literal();
  CHECK(at::allclose(ours, theirs, 1e-4, 1e-5));
  CHECK(at::allclose(torch::autograd::grad({(ours * direction).sum()}, {x})[0],
                     torch::autograd::grad({(theirs * direction).sum()}, {x})[0], 1e-3, 1e-5));
  CHECK(at::allclose(weights.at("norm.running_mean"), norm->running_mean, 1e-4, 1e-6));
  CHECK(at::allclose(weights.at("norm.running_var"), norm->running_var, 1e-4, 1e-6));
  CHECK(weights.at("norm.num_batches_tracked").item<int64_t>() == 1);
  layer.eval();
  norm->eval();
  CHECK(at::allclose(layer.forward(x), literal(), 1e-4, 1e-5));
  const c10::InferenceMode inference;
  CHECK(at::allclose(layer.forward(x), literal(), 1e-4, 1e-5));
}
