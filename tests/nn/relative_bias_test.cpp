#include "nn/relative_bias.h"

#include "support/test.h"

using namespace arzoo;

TEST_CASE("near distances have a bucket each, far ones share") {
  const nn::RelativeBias relative{32, 128};
  for (int64_t back = 0; back < 16; ++back) CHECK(relative.bucket(back) == back);
  CHECK(relative.bucket(16) == 16);
  CHECK(relative.bucket(127) == 31);
  CHECK(relative.bucket(100000) == 31);
  CHECK(relative.bucket(-3) == 0);
}
