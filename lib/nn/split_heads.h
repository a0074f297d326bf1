#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

/// Attention heads in and out of the last axis of a tensor (Vaswani et al. 2017, Sec. 3.2.2). B batch, T
/// tokens, H heads, G heads of keys and values, E head width.
namespace arzoo::nn {

/// How one linear map of several parts (queries, keys, values) orders its outputs.
enum class FusedHeads {
  by_part,  ///< all heads of the first part, then all of the second: GPT-2, timm
  by_head   ///< all parts of the first head, then all of the second: GPT-NeoX, Michelangelo
};

/// x: [B, T, H * E]; returns [B, H, T, E], a view.
at::Tensor split_heads(const at::Tensor& x, int64_t heads);
/// The parts of one fused map. x: [B, T, parts * H * E]; returns [B, H, T, E] of each part, views.
std::vector<at::Tensor> split_heads(const at::Tensor& x, int64_t heads, int64_t parts,
                                    FusedHeads order = FusedHeads::by_part);
/// x: [B, H, T, E]; returns [B, T, H * E].
at::Tensor merge_heads(const at::Tensor& x);

/// Queries, keys and values of one attention.
struct QkvHeads {
  at::Tensor q;     ///< [B, H, T, E]
  at::Tensor k, v;  ///< [B, G, T, E]
};
/// Of one fused map whose key and value heads may be fewer: by part all H of q, then G of k, then G of v; by
/// head each of the G groups has its H / G of q, then one of k and of v. x: [B, T, (H + 2 G) * E].
QkvHeads split_qkv(const at::Tensor& x, int64_t heads, int64_t kv_heads,
                   FusedHeads order = FusedHeads::by_part);

/// Each head `times` times, side by side, for query heads that share keys and values in groups (Ainslie et
/// al., GQA, EMNLP 2023). x: [B, G, T, E]; returns [B, G * times, T, E].
at::Tensor repeat_heads(const at::Tensor& x, int64_t times);

}  // namespace arzoo::nn
