#include "nn/subsampled_attention.h"

#include <torch/torch.h>

#include <cmath>
#include <limits>

namespace arzoo::nn {
namespace {

/// The sources' rows. x: [B, H, T, E]; places: [B, N * S]; returns [B, H, N, S, E].
at::Tensor rows_of(const at::Tensor& x, const at::Tensor& places, int64_t blocks) {
  const auto index = places.unsqueeze(1).unsqueeze(-1).expand({-1, x.size(1), -1, x.size(3)});
  return x.gather(2, index).unflatten(2, {blocks, places.size(1) / blocks});
}

}  // namespace

at::Tensor subsampled_attention(const QkvHeads& heads, const at::Tensor& sources) {
  const int64_t tokens = heads.q.size(2), blocks = sources.size(1), width = tokens / blocks;
  const int64_t times = heads.q.size(1) / heads.k.size(1);
  const auto k = repeat_heads(heads.k, times), v = repeat_heads(heads.v, times);
  const auto q = heads.q / std::sqrt(static_cast<double>(heads.q.size(3)));
  const auto places = sources.clamp_max(tokens - 1).flatten(1);
  const auto in_blocks = [&](const at::Tensor& x) { return x.unflatten(2, {blocks, width}); };
  const auto own_place = at::arange(tokens, sources.options()).view({1, blocks, width, 1});
  const auto hidden = sources.unsqueeze(2).ge(own_place).unsqueeze(1);  // [B, 1, N, W, S]
  const auto scores = at::matmul(in_blocks(q), rows_of(k, places, blocks).transpose(-2, -1))
                          .masked_fill(hidden, -std::numeric_limits<double>::infinity());
  const auto own = in_blocks((q * k).sum(-1, /*keepdim=*/true));  // [B, H, N, W, 1]
  const auto shares = at::softmax(at::cat({scores, own}, -1), -1);
  const int64_t count = sources.size(2);
  const auto mixed = at::matmul(shares.narrow(-1, 0, count), rows_of(v, places, blocks)) +
                     shares.narrow(-1, count, 1) * in_blocks(v);
  return mixed.flatten(2, 3);
}

at::Tensor unbiased_sources(const at::Tensor& order, int64_t keep) {
  return order.narrow(1, 0, std::min(keep, order.size(1))).unsqueeze(1);
}

at::Tensor local_sources(const at::Tensor& order, int64_t window) {
  const auto none = at::full({order.size(0), window}, order.size(1), order.options());
  return at::cat({none, order}, 1).unfold(1, 2 * window, window);
}

}  // namespace arzoo::nn
