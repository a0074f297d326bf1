#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace arzoo::forecast {

class T5Attention;

/// The rows of a batch by the group that they are of. Groups of one size are computed together, each row
/// beside the others of its group alone: a mask over all pairs of rows would cost their number squared.
class RowGroups {
 public:
  /// group_ids: [B] long, any numbers.
  explicit RowGroups(const at::Tensor& group_ids);
  /// Every one of `rows` rows by itself.
  explicit RowGroups(int64_t rows) : rows_(rows) {}

  bool all_single() const { return buckets_.empty(); }
  int64_t rows() const { return rows_; }

  /// Attention of each token to the tokens of its place in the rows of its group (Chronos-2, Sec. 3.3),
  /// without position. x: [B, S, D]; mask: [B, S], 0 where a token is masked as a key, undefined: nowhere.
  /// A token that may see none sees the tokens of its place in all rows evenly, as in the official code.
  /// Returns [B, S, D].
  at::Tensor attend(const T5Attention& attention, const at::Tensor& x, const at::Tensor& mask) const;

 private:
  /// Groups of one size.
  struct Bucket {
    int64_t size;
    at::Tensor rows;  ///< [groups * size] long
  };
  at::Tensor mixed_in(const Bucket& bucket, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                      const at::Tensor& mask, const T5Attention& attention) const;
  at::Tensor seen_any(const at::Tensor& mask) const;

  int64_t rows_;
  int64_t groups_ = 0;
  std::vector<Bucket> buckets_;  ///< empty where all are single
  at::Tensor group_of_row_;      ///< [B] long, 0, 1, …; undefined where all are single
  at::Tensor place_of_row_;      ///< [B] where a row stands among the rows of all buckets
};

/// Cuts rows into parts of whole groups: the row behind each part, in order. A part has at most `most` rows,
/// more only where groups lie inside one another. group_ids: [B] long, on the CPU; undefined: each of the
/// `rows` rows by itself.
std::vector<int64_t> ends_of_parts(const at::Tensor& group_ids, int64_t rows, int64_t most);

}  // namespace arzoo::forecast
