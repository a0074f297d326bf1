#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace arzoo::nn {

/// The relative position bias of T5 for a decoder (Raffel et al. 2020, Sec. 2.1), which sees the past alone:
/// the first half of the buckets is one distance each, the others are wider and wider, and the last reaches
/// from `distance` to infinity.
struct RelativeBias {
  int64_t buckets = 32, distance = 128;

  /// Of the query that stands `back` places behind its key; 0 where it stands before it.
  int64_t bucket(int64_t back) const;
  /// table: [buckets, H]; the queries are the last of the keys. Returns [1, H, queries, keys].
  at::Tensor of(const at::Tensor& table, int64_t queries, int64_t keys) const;
};

}  // namespace arzoo::nn
