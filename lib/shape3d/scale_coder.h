#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace arzoo::shape3d {

/// A tokenizer whose code is scales of tokens, coarse to fine, each of which codes what the ones before left
/// over, as a generator scale by scale sees it. B shapes, K scales, L_k tokens of one, T of all, C channels.
class ScaleCoder {
 public:
  virtual ~ScaleCoder() = default;

  /// Tokens of each scale.
  virtual const std::vector<int64_t>& scales() const = 0;
  /// Channels of what the generator reads of the scales before.
  virtual int64_t input_width() const = 0;
  /// What the tokens of `batch` shapes are added to, all zero.
  virtual at::Tensor empty_sum(int64_t batch) const = 0;
  /// The sum with the tokens of scale k, ids [B, L_k] long.
  virtual at::Tensor with_scale(const at::Tensor& sum, const at::Tensor& ids, std::size_t k) const = 0;
  /// What the generator reads of a sum for scale k: [B, L_k, C].
  virtual at::Tensor next_input(const at::Tensor& sum, std::size_t k) const = 0;

  /// next_input of the scales after the first, where the tokens are ids [B, T] long: [B, T - L_0, C].
  at::Tensor teacher_input(const at::Tensor& ids) const;
  /// The sum of all scales of ids [B, T] long.
  at::Tensor sum_of(const at::Tensor& ids) const;
};

/// All tokens of so many scales.
int64_t tokens_of(const std::vector<int64_t>& scales);

}  // namespace arzoo::shape3d
