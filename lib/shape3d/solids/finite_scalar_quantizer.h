#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace arzoo::shape3d {

/// Finite scalar quantisation (Mentzer et al., FSQ, ICLR 2024): each channel is bounded and rounded to one of
/// its levels; a code is the whole number that they make. No weights.
class FiniteScalarQuantizer {
 public:
  explicit FiniteScalarQuantizer(std::vector<int64_t> levels) : levels_(std::move(levels)) {}

  /// z: [..., C]; returns codes in [-1, 1] of the same shape, through which gradients pass unchanged.
  at::Tensor codes(const at::Tensor& z) const;
  /// codes: [..., C]; returns [...] long.
  at::Tensor ids(const at::Tensor& codes) const;
  /// The reverse of ids: [...] long to [..., C] float.
  at::Tensor opened(const at::Tensor& ids) const;

 private:
  at::Tensor row(const at::Tensor& like, int64_t (*of)(int64_t level)) const;
  at::Tensor basis(const at::Tensor& like) const;

  std::vector<int64_t> levels_;
};

}  // namespace arzoo::shape3d
