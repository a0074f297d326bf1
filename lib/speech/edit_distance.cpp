#include "speech/edit_distance.h"

#include <utility>

namespace arzoo::speech {

EditCounts edit_counts(const std::vector<int64_t>& reference, const std::vector<int64_t>& heard) {
  // The row of the last reference token: of each prefix of `heard` the cheapest edits.
  std::vector<EditCounts> row(heard.size() + 1);
  for (std::size_t j = 0; j <= heard.size(); ++j) row[j].insertions = static_cast<int64_t>(j);
  for (std::size_t i = 1; i <= reference.size(); ++i) {
    auto diagonal = row[0];
    row[0].deletions = static_cast<int64_t>(i);
    for (std::size_t j = 1; j <= heard.size(); ++j) {
      auto best = diagonal;
      if (reference[i - 1] != heard[j - 1]) ++best.substitutions;
      auto deleted = row[j], inserted = row[j - 1];
      ++deleted.deletions;
      ++inserted.insertions;
      if (deleted.errors() < best.errors()) best = deleted;
      if (inserted.errors() < best.errors()) best = inserted;
      diagonal = std::exchange(row[j], best);
    }
  }
  row.back().tokens = static_cast<int64_t>(reference.size());
  return row.back();
}

}  // namespace arzoo::speech
