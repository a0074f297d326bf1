#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

/// Masked modelling (MAE, He et al., CVPR 2022; MAR, Li et al., NeurIPS 2024): some tokens of each sample are
/// visible, an encoder sees those alone, and a learned mask token replaces the others when all are put back
/// in their places.
namespace arzoo::nn {

/// Which tokens of each sample are visible: the same number in every sample, in their original order.
struct VisibleTokens {
  at::Tensor index;    ///< [B, K] long, ascending in each row
  int64_t length = 0;  ///< L, tokens of a sample

  /// [B, L] bool, true where a token is masked.
  at::Tensor masked() const;
};

/// Keeps the first `visible` tokens of each order. orders: [B, L], a permutation per row.
VisibleTokens keep_first_of(const at::Tensor& orders, int64_t visible);

/// Keeps all but the first `masked` tokens of each order: the order is that of generation, backwards.
VisibleTokens keep_all_but_first(const at::Tensor& orders, int64_t masked);

/// The same tokens with `count` more before them, which are always visible: a condition's.
VisibleTokens with_prefix(const VisibleTokens& visible, int64_t count);

/// Keeps tokens [0, visible) of `length` in each of the samples.
VisibleTokens keep_beginning(int64_t samples, int64_t length, int64_t visible);

/// The visible tokens of x [B, L, D], in their order: [B, K, D].
at::Tensor visible_tokens(const at::Tensor& x, const VisibleTokens& visible);

/// The visible tokens back in their places, `mask_token` everywhere else. tokens: [B, K, D]; mask_token:
/// broadcast to [B, L, D]; returns [B, L, D].
at::Tensor restored_tokens(const at::Tensor& tokens, const at::Tensor& mask_token,
                           const VisibleTokens& visible);

}  // namespace arzoo::nn
