#include "io/byte_pair_model.h"

#include <functional>
#include <queue>
#include <tuple>

namespace arzoo::io {
namespace {

uint64_t key_of(int64_t left, int64_t right) {
  return static_cast<uint64_t>(left) << 32U | static_cast<uint64_t>(right);
}

/// A symbol in the list of those that are left. -1: none.
struct Symbol {
  int64_t id, before, after;
};

/// Two neighbours as they were when they were listed.
struct Candidate {
  int64_t rank, left, left_id, right_id;
  bool operator>(const Candidate& other) const {
    return std::tie(rank, left) > std::tie(other.rank, other.left);
  }
};

}  // namespace

void BytePairModel::add_merge(int64_t left, int64_t right, int64_t merged) {
  merges_.try_emplace(key_of(left, right), Merge{static_cast<int64_t>(merges_.size()), merged});
}

const BytePairModel::Merge* BytePairModel::find(int64_t left, int64_t right) const {
  const auto found = merges_.find(key_of(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void BytePairModel::merge(std::vector<int64_t> symbols, std::vector<int64_t>& ids) const {
  const auto count = static_cast<int64_t>(symbols.size());
  std::vector<Symbol> list;
  list.reserve(symbols.size());
  for (int64_t i = 0; i < count; ++i) list.push_back({symbols[i], i - 1, i + 1 < count ? i + 1 : -1});
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto offer = [&](int64_t left) {
    if (left < 0 || list[left].after < 0) return;
    const auto right_id = list[list[left].after].id;
    if (const auto* merge = find(list[left].id, right_id))
      candidates.push({merge->rank, left, list[left].id, right_id});
  };
  for (int64_t i = 0; i + 1 < count; ++i) offer(i);
  constexpr int64_t kGone = -1;
  while (!candidates.empty()) {
    const auto best = candidates.top();
    candidates.pop();
    auto& left = list[best.left];
    if (left.id != best.left_id || left.after < 0 || list[left.after].id != best.right_id) continue;
    auto& right = list[left.after];
    left.id = find(best.left_id, best.right_id)->merged;
    right.id = kGone;
    left.after = right.after;
    if (left.after >= 0) list[left.after].before = best.left;
    offer(left.before);
    offer(best.left);
  }
  for (int64_t at = count > 0 ? 0 : -1; at >= 0; at = list[at].after) ids.push_back(list[at].id);
}

}  // namespace arzoo::io
