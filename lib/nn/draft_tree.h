#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace arzoo::nn {

enum class PathOrder {
  by_nodes,  ///< as words are ordered: by their first nodes that differ
  by_leaf    ///< by the number of their last node
};

/// The tokens that one pass of a model verifies: node 0 is the last token that is certain, the others are
/// drafts of what follows it. A node comes after its parent; a chain is a tree with one child each.
struct DraftTree {
  std::vector<int64_t> tokens;
  std::vector<int64_t> parents;  ///< -1 of node 0
  /// Of each node the distribution that it was drawn from, [V] on the CPU; siblings, drawn without
  /// replacement, share theirs. Node 0 has none. Empty: the drafts were chosen, not drawn.
  std::vector<at::Tensor> q = {};

  static DraftTree of_root(int64_t token) { return {{token}, {-1}}; }
  int64_t size() const { return static_cast<int64_t>(tokens.size()); }
  bool is_drawn() const { return !q.empty(); }
  /// Adds a child and returns its number; `from` as q, undefined where drafts are chosen.
  int64_t add(int64_t token, int64_t parent, const at::Tensor& from = {});
  /// A node's children in order.
  std::vector<int64_t> children(int64_t node) const;
  /// Whether each node follows the one before it.
  bool is_chain() const;
  /// What each node sees: all of the `past` tokens before node 0, its ancestors and itself; [N, past + N]
  /// bool.
  at::Tensor visible(int64_t past) const;
  /// Steps from node 0 to each node.
  std::vector<int64_t> depths() const;
  /// From node 0 to each leaf.
  std::vector<std::vector<int64_t>> paths(PathOrder order = PathOrder::by_nodes) const;
};

/// What became of a tree.
struct AcceptedPath {
  std::vector<int64_t> nodes = {0};  ///< from node 0 on
  int64_t next = 0;                  ///< the token that follows them, which is certain
  at::Tensor p = {};                 ///< [V], what it is a sample of

  int64_t drafts() const { return static_cast<int64_t>(nodes.size()) - 1; }
};

}  // namespace arzoo::nn
