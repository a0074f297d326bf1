#include "nn/causal_convolution.h"

#include "support/test.h"

using namespace arzoo;

TEST_CASE("a causal convolution gives the same in parts") {
  const auto x = at::randn({2, 7, 3}), taps = at::randn({3, 3});
  nn::ConvolutionState whole_state, state;
  const auto whole = nn::causal_convolution(x, taps, whole_state);
  const auto parts = at::cat({nn::causal_convolution(x.narrow(1, 0, 4), taps, state),
                              nn::causal_convolution(x.narrow(1, 4, 1), taps, state),
                              nn::causal_convolution(x.narrow(1, 5, 2), taps, state)},
                             1);
  CHECK(at::allclose(whole, parts, 1e-5, 1e-6));
  CHECK(at::allclose(whole[0][0], x[0][0] * taps[0], 1e-5, 1e-6));
}
