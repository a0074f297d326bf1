#include "nn/split_heads.h"

#include <torch/torch.h>

namespace arzoo::nn {

at::Tensor split_heads(const at::Tensor& x, int64_t heads) {
  return x.unflatten(-1, {heads, x.size(-1) / heads}).transpose(1, 2);
}

std::vector<at::Tensor> split_heads(const at::Tensor& x, int64_t heads, int64_t parts, FusedHeads order) {
  const int64_t width = x.size(-1) / (parts * heads);
  if (order == FusedHeads::by_part)
    return x.unflatten(-1, {parts, heads, width}).permute({2, 0, 3, 1, 4}).unbind(0);
  return x.unflatten(-1, {heads, parts, width}).permute({3, 0, 2, 1, 4}).unbind(0);
}

at::Tensor merge_heads(const at::Tensor& x) { return x.transpose(1, 2).flatten(2); }

QkvHeads split_qkv(const at::Tensor& x, int64_t heads, int64_t kv_heads, FusedHeads order) {
  if (heads == kv_heads) {
    const auto parts = split_heads(x, heads, 3, order);
    return {parts[0], parts[1], parts[2]};
  }
  const int64_t all = heads + 2 * kv_heads, width = x.size(-1) / all;
  if (order == FusedHeads::by_part) {
    const auto split = x.unflatten(-1, {all, width}).transpose(1, 2);  // [B, H + 2 G, T, E]
    return {split.narrow(1, 0, heads), split.narrow(1, heads, kv_heads),
            split.narrow(1, heads + kv_heads, kv_heads)};
  }
  const int64_t group = heads / kv_heads;
  const auto groups = x.unflatten(-1, {kv_heads, group + 2, width});  // [B, T, G, H / G + 2, E]
  return {groups.narrow(3, 0, group).flatten(2, 3).transpose(1, 2), groups.select(3, group).transpose(1, 2),
          groups.select(3, group + 1).transpose(1, 2)};
}

at::Tensor repeat_heads(const at::Tensor& x, int64_t times) {
  if (times == 1) return x;
  return x.unsqueeze(2).expand({-1, -1, times, -1, -1}).flatten(1, 2);
}

}  // namespace arzoo::nn
