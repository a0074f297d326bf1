#pragma once

#include <cstdint>
#include <vector>

namespace arzoo::speech {

/// What turns `reference` into `heard` at the least cost (Levenshtein 1966).
struct EditCounts {
  int64_t substitutions = 0, deletions = 0, insertions = 0, tokens = 0;  ///< tokens of the reference
  int64_t errors() const { return substitutions + deletions + insertions; }
  void add(const EditCounts& other) {
    substitutions += other.substitutions;
    deletions += other.deletions;
    insertions += other.insertions;
    tokens += other.tokens;
  }
};

EditCounts edit_counts(const std::vector<int64_t>& reference, const std::vector<int64_t>& heard);

}  // namespace arzoo::speech
