#include "nn/kv_cache.h"

#include "support/test.h"

using namespace arzoo;
using nn::KvCache;

namespace {

/// Keys of tokens numbered from `first` on: [1, 2, count, 3].
at::Tensor numbered(int64_t first, int64_t count) {
  return at::arange(first, first + count, at::kFloat)
      .view({1, 1, count, 1})
      .expand({1, 2, count, 3})
      .contiguous();
}

std::vector<float> numbers_in(KvCache& cache) {
  const auto keys = cache.first(cache.length()).first.select(1, 0).select(2, 0).flatten().contiguous();
  return {keys.const_data_ptr<float>(), keys.const_data_ptr<float>() + keys.numel()};
}

}  // namespace

TEST_CASE("the accepted path of a tree moves up behind the tokens before it") {
  KvCache cache(4);
  cache.append(numbered(0, 3), numbered(0, 3));
  cache.append(numbered(3, 5), numbered(3, 5));
  cache.keep_tokens(3, at::tensor({3, 5, 6}, at::kLong));
  CHECK(numbers_in(cache) == std::vector<float>{0, 1, 2, 3, 5, 6});
  cache.append(numbered(9, 1), numbered(9, 1));
  CHECK(numbers_in(cache) == std::vector<float>{0, 1, 2, 3, 5, 6, 9});
  cache.keep_tokens(2, at::empty({0}, at::kLong));
  CHECK(numbers_in(cache) == std::vector<float>{0, 1});
}

TEST_CASE("a cache keeps nothing that it does not hold") {
  KvCache cache(4);
  cache.append(numbered(0, 3), numbered(0, 3));
  CHECK_THROWS_AS(cache.keep_tokens(2, at::tensor({2, 3}, at::kLong)), std::logic_error);
}
