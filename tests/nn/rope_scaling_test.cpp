#include "nn/rope_scaling.h"

#include "support/tensors.h"

using namespace arzoo;
using namespace arzoo::nn;
using test::worst;

namespace {

constexpr int64_t kRopeWidth = 16;
constexpr double kRopeTheta = 10000.0;

RopeScalingOptions stretched(const std::string& type, double factor) {
  return {.rope_type = type, .factor = factor, .original_max_position_embeddings = 64};
}

at::Tensor frequencies_of(const RopeScalingOptions& scaling, int64_t length = 1) {
  return scaled_frequencies(scaling, kRopeWidth, kRopeTheta, length, at::kFloat);
}

}  // namespace

TEST_CASE("frequencies are divided, all or the slow ones, or keep") {
  const auto plain = frequencies_of({});
  CHECK(worst(frequencies_of(stretched("linear", 4)), plain / 4.0) < 1e-7);
  const auto llama3 = frequencies_of(stretched("llama3", 8)), yarn = frequencies_of(stretched("yarn", 8));
  for (const auto& scaled : {llama3, yarn}) {
    CHECK(scaled[0].item<float>() == plain[0].item<float>());
    CHECK(scaled[kRopeWidth / 2 - 1].item<double>() ==
          Approx(plain[kRopeWidth / 2 - 1].item<double>() / 8).epsilon(1e-5));
    CHECK((scaled.narrow(0, 0, 7) > scaled.narrow(0, 1, 7)).all().item<bool>());
  }
}

TEST_CASE("the dynamic base grows beyond the trained length alone") {
  const auto scaling = stretched("dynamic", 2);
  const auto plain = frequencies_of({});
  CHECK(worst(frequencies_of(scaling, 10), plain) == 0.0);
  CHECK(worst(frequencies_of(scaling, 64), plain) == 0.0);
  const double base = kRopeTheta * std::pow(2.0 * 128 / 64 - 1.0, 16.0 / 14.0);
  const auto expected = scaled_frequencies({}, kRopeWidth, base, 1, at::kFloat);
  CHECK(worst(frequencies_of(scaling, 128), expected) < 1e-7);
}

TEST_CASE("yarn makes queries and keys longer") {
  CHECK(stretched("linear", 8).attention() == 1.0);
  CHECK(stretched("yarn", 8).attention() == Approx(0.1 * std::log(8.0) + 1.0));
  auto scaling = stretched("yarn", 8);
  scaling.mscale = 1.0;
  scaling.mscale_all_dim = 1.0;
  CHECK(scaling.attention() == Approx(1.0));
  scaling.attention_factor = 1.25;
  CHECK(scaling.attention() == 1.25);
}

TEST_CASE("frequencies and attention are those of transformers 4.56.2") {
  struct Case {
    RopeScalingOptions scaling;
    int64_t length;
    std::vector<float> frequencies;
    double attention;
  };
  auto fast = stretched("yarn", 8);
  fast.beta_fast = 16;
  fast.beta_slow = 2;
  fast.attention_factor = 1.5;
  auto blended = stretched("yarn", 4);
  blended.truncate = false;
  blended.mscale = 1.0;
  blended.mscale_all_dim = 0.5;
  const std::vector<Case> cases{{stretched("linear", 4),
                                 1,
                                 {0.25F, 0.079056941F, 0.0250000004F, 0.00790569466F, 0.00249999994F,
                                  0.000790569466F, 0.000250000012F, 7.90569466e-05F},
                                 1.0},
                                {stretched("dynamic", 2),
                                 128,
                                 {1.0F, 0.270296127F, 0.0730599985F, 0.0197478328F, 0.00533776265F,
                                  0.00144277664F, 0.000389976922F, 0.000105409257F},
                                 1.0},
                                {stretched("dynamic", 2),
                                 100,
                                 {1.0F, 0.283945143F, 0.0806248412F, 0.0228930302F, 0.00650036521F,
                                  0.001845747F, 0.000524090894F, 0.000148813066F},
                                 1.0},
                                {stretched("llama3", 8),
                                 1,
                                 {1.0F, 0.244384587F, 0.0130422562F, 0.00395284733F, 0.00124999997F,
                                  0.000395284733F, 0.000125000006F, 3.95284733e-05F},
                                 1.0},
                                {stretched("yarn", 8),
                                 1,
                                 {1.0F, 0.223994657F, 0.0416666642F, 0.00395284733F, 0.00124999997F,
                                  0.000395284733F, 0.000125000006F, 3.95284733e-05F},
                                 1.2079441541679836},
                                {fast,
                                 1,
                                 {1.0F, 0.177878112F, 0.0125000002F, 0.00395284733F, 0.00124999997F,
                                  0.000395284733F, 0.000125000006F, 3.95284733e-05F},
                                 1.5},
                                {blended,
                                 1,
                                 {1.0F, 0.198583528F, 0.0255952496F, 0.00790569466F, 0.00249999994F,
                                  0.000790569466F, 0.000250000012F, 7.90569466e-05F},
                                 1.0648216253695715}};
  for (const auto& one : cases) {
    INFO(one.scaling.rope_type << " " << one.length);
    const auto expected = at::tensor(one.frequencies);
    CHECK(((frequencies_of(one.scaling, one.length) - expected) / expected).abs().max().item<double>() <
          1e-5);
    CHECK(one.scaling.attention() == Approx(one.attention).epsilon(1e-9));
  }
}
