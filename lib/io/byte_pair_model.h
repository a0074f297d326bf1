#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace arzoo::io {

/// Byte pair encoding (Sennrich et al., ACL 2016): the neighbours whose merge ranks lowest are merged, the
/// leftmost first, until none is left that has a rank.
class BytePairModel {
 public:
  /// Ids of `left` and `right` become `merged`; the pairs rank in the order of the calls. A pair keeps its
  /// first rank.
  void add_merge(int64_t left, int64_t right, int64_t merged);
  /// Merges the symbols, in O(n log n), and appends what is left.
  void merge(std::vector<int64_t> symbols, std::vector<int64_t>& ids) const;

 private:
  struct Merge {
    int64_t rank = 0, merged = 0;
  };
  const Merge* find(int64_t left, int64_t right) const;

  std::unordered_map<uint64_t, Merge> merges_;
};

}  // namespace arzoo::io
