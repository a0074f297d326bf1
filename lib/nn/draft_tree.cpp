#include "nn/draft_tree.h"

#include <torch/torch.h>

#include <algorithm>

namespace arzoo::nn {

int64_t DraftTree::add(int64_t token, int64_t parent, const at::Tensor& from) {
  if (from.defined() && q.empty()) q.resize(1);
  tokens.push_back(token);
  parents.push_back(parent);
  if (from.defined()) q.push_back(from);
  return size() - 1;
}

std::vector<int64_t> DraftTree::children(int64_t node) const {
  std::vector<int64_t> found;
  for (int64_t i = node + 1; i < size(); ++i) {
    if (parents[static_cast<std::size_t>(i)] == node) found.push_back(i);
  }
  return found;
}

bool DraftTree::is_chain() const {
  for (int64_t node = 0; node < size(); ++node) {
    if (parents[static_cast<std::size_t>(node)] != node - 1) return false;
  }
  return true;
}

at::Tensor DraftTree::visible(int64_t past) const {
  auto seen = at::zeros({size(), past + size()}, at::kBool);
  seen.narrow(1, 0, past).fill_(true);
  auto rows = seen.accessor<bool, 2>();
  for (int64_t node = 0; node < size(); ++node) {
    for (int64_t at = node; at >= 0; at = parents[static_cast<std::size_t>(at)]) rows[node][past + at] = true;
  }
  return seen;
}

std::vector<int64_t> DraftTree::depths() const {
  std::vector<int64_t> depths;
  for (const int64_t parent : parents)
    depths.push_back(parent < 0 ? 0 : depths[static_cast<std::size_t>(parent)] + 1);
  return depths;
}

std::vector<std::vector<int64_t>> DraftTree::paths(PathOrder order) const {
  std::vector<std::vector<int64_t>> open{{0}}, found;
  while (!open.empty()) {
    const auto path = open.back();
    open.pop_back();
    const auto below = children(path.back());
    if (below.empty()) found.push_back(path);
    for (auto child = below.rbegin(); child != below.rend(); ++child) {
      open.push_back(path);
      open.back().push_back(*child);
    }
  }
  if (order == PathOrder::by_leaf)
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.back() < b.back(); });
  return found;
}

}  // namespace arzoo::nn
