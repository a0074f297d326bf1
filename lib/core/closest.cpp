#include "core/closest.h"

#include <algorithm>
#include <array>

#include "core/ascii.h"

namespace arzoo {
namespace {

constexpr std::size_t kLongest = 64;
/// Table entries that one search may compute (some 20 ms): a file can have a million column names.
constexpr std::size_t kBudget = std::size_t{1} << 23;

/// Edits (insert, delete, replace, swap of neighbours) that turn a into b; both at most kLongest long.
std::size_t distance(std::string_view a, std::string_view b) {
  std::array<std::array<std::size_t, kLongest + 1>, 3> rows;
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i - 1) % 3];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = to_lower(a[i - 1]) == to_lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && to_lower(a[i - 1]) == to_lower(b[j - 2]) &&
                           to_lower(a[i - 2]) == to_lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], rows[(i - 2) % 3][j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

std::optional<std::string> closest(std::string_view word, const std::vector<std::string>& known) {
  if (word.empty() || word.size() > kLongest) return std::nullopt;
  // A third of the letters may be wrong, but never the only one.
  const std::size_t near = word.size() == 1 ? 0 : std::max<std::size_t>(1, (word.size() + 1) / 3);
  const std::string* best = nullptr;
  std::size_t least = near + 1;
  std::size_t spent = 0;
  for (const auto& name : known) {
    const std::size_t shorter = std::min(name.size(), word.size()),
                      longer = std::max(name.size(), word.size());
    if (name.size() > kLongest || longer - shorter >= least) continue;
    spent += name.size() * word.size() + 1;
    if (spent > kBudget) break;
    const std::size_t edits = distance(word, name);
    if (edits < least) {
      least = edits;
      best = &name;
    }
  }
  return best == nullptr ? std::nullopt : std::optional<std::string>(*best);
}

}  // namespace arzoo
