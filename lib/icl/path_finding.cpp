#include "icl/path_finding.h"

#include <torch/torch.h>

#include <algorithm>

#include "core/error.h"
#include "icl/random_inputs.h"

namespace arzoo::icl {
namespace {

/// The successors from which a walk to `target` can go on.
std::vector<int64_t> next_nodes(const PathGraph& graph, int64_t from, int64_t target) {
  const auto edges = graph.adjacency.accessor<bool, 2>(), reachable = graph.reachability.accessor<bool, 2>();
  std::vector<int64_t> next;
  for (int64_t node = from + 1; node < graph.nodes(); ++node) {
    if (edges[from][node] && (node == target || reachable[node][target])) next.push_back(node);
  }
  return next;
}

PathRow walk(const PathGraph& graph, int64_t source, int64_t target, const UniformSource& sample) {
  PathRow row{source, target, source};
  while (row.back() != target) {
    const auto next = next_nodes(graph, row.back(), target);
    const auto which = static_cast<std::size_t>(sample() * static_cast<double>(next.size()));
    row.push_back(next[std::min(which, next.size() - 1)]);
  }
  return row;
}

}  // namespace

PathGraph sample_graph(int64_t nodes, double edge_prob, const UniformSource& sample) {
  PathGraph graph{at::zeros({nodes, nodes}, at::kBool), at::zeros({nodes, nodes}, at::kBool)};
  auto edges = graph.adjacency.accessor<bool, 2>(), paths = graph.reachability.accessor<bool, 2>();
  for (int64_t i = 0; i < nodes; ++i) {
    for (int64_t j = i + 1; j < nodes; ++j) edges[i][j] = sample() < edge_prob;
  }
  // All edges go up, so that the nodes from the last one down know what lies behind them.
  for (int64_t i = nodes - 1; i >= 0; --i) {
    for (int64_t j = i + 1; j < nodes; ++j) {
      if (!edges[i][j]) continue;
      paths[i][j] = true;
      for (int64_t k = j + 1; k < nodes; ++k) paths[i][k] = paths[i][k] || paths[j][k];
    }
  }
  return graph;
}

at::Tensor split_pairs(const PathGraph& graph, double chance_in_train, const UniformSource& sample) {
  const auto edges = graph.adjacency.accessor<bool, 2>(), paths = graph.reachability.accessor<bool, 2>();
  auto split = at::zeros(graph.adjacency.sizes(), at::kLong);
  auto side = split.accessor<int64_t, 2>();
  for (int64_t target = 0; target < graph.nodes(); ++target) {
    bool first = true;
    for (int64_t source = 0; source < target; ++source) {
      if (!paths[source][target]) continue;
      // A pair with an edge takes no random number, as in the official code.
      const bool trained = edges[source][target] || sample() < chance_in_train || first;
      side[source][target] = trained ? 1 : -1;
      first = false;
    }
  }
  return split;
}

PathRows sample_rows(const PathGraph& graph, const at::Tensor& split, int64_t walks,
                     const UniformSource& sample) {
  const auto edges = graph.adjacency.accessor<bool, 2>();
  const auto side = split.accessor<int64_t, 2>();
  PathRows rows;
  for (int64_t target = 0; target < graph.nodes(); ++target) {
    for (int64_t source = 0; source < target; ++source) {
      if (side[source][target] < 0) rows.test.push_back(walk(graph, source, target, sample));
      if (side[source][target] <= 0) continue;
      if (edges[source][target]) rows.train.push_back({source, target, source, target});
      for (int64_t i = 0; i < walks; ++i) rows.train.push_back(walk(graph, source, target, sample));
    }
  }
  return rows;
}

int64_t block_size(const PathRows& rows) {
  std::size_t longest = 0;
  for (const auto* side : {&rows.train, &rows.test}) {
    for (const auto& row : *side) longest = std::max(longest, row.size());
  }
  return (static_cast<int64_t>(longest) / 32 + 1) * 32;
}

at::Tensor row_tokens(const std::vector<PathRow>& rows, int64_t block_size) {
  auto tokens = at::full({static_cast<int64_t>(rows.size()), block_size + 1}, kPadToken, at::kLong);
  auto ids = tokens.accessor<int64_t, 2>();
  for (std::size_t r = 0; r < rows.size(); ++r) {
    int64_t place = 0;
    for (const auto node : rows[r]) ids[static_cast<int64_t>(r)][place++] = node + kFirstNodeToken;
    ids[static_cast<int64_t>(r)][place] = kEndToken;
  }
  return tokens;
}

Observed observe(const std::vector<PathRow>& rows, int64_t nodes) {
  Observed seen{at::zeros({nodes, nodes}, at::kBool), at::zeros({nodes, nodes}, at::kBool)};
  auto edges = seen.adjacency.accessor<bool, 2>(), on_the_way = seen.reachability.accessor<bool, 2>();
  for (const auto& row : rows) {
    for (std::size_t i = 3; i < row.size(); ++i) {
      edges[row[i - 1]][row[i]] = true;
      on_the_way[row[1]][row[i]] = true;
    }
  }
  return seen;
}

int64_t path_degree(const PathGraph& graph, const Observed& seen, int64_t source, int64_t target) {
  const auto edges = graph.adjacency.accessor<bool, 2>(), on_the_way = seen.reachability.accessor<bool, 2>();
  std::vector<int64_t> ring{source};
  for (int64_t degree = 0; !ring.empty(); ++degree) {
    std::vector<int64_t> next;
    for (const auto node : ring) {
      if (on_the_way[target][node]) return degree;
      for (int64_t k = node + 1; k < graph.nodes(); ++k) {
        if (edges[node][k]) next.push_back(k);
      }
    }
    std::sort(next.begin(), next.end());
    next.erase(std::unique(next.begin(), next.end()), next.end());
    ring = std::move(next);
  }
  return -1;
}

PathVerdict judge(const PathRow& row, const PathGraph& graph) {
  if (row.size() < 4) return PathVerdict::wrong_syntax;
  if (row[2] != row[0] || row.back() != row[1]) return PathVerdict::wrong_ends;
  const auto edges = graph.adjacency.accessor<bool, 2>();
  for (std::size_t i = 3; i < row.size(); ++i) {
    if (!edges[row[i - 1]][row[i]]) return PathVerdict::no_edge;
  }
  return PathVerdict::valid;
}

PathRow row_of(const at::Tensor& tokens) {
  PathRow row;
  const auto ids = tokens.accessor<int64_t, 1>();
  for (int64_t i = 0; i < ids.size(0) && ids[i] != kEndToken; ++i) {
    if (ids[i] >= kFirstNodeToken) row.push_back(ids[i] - kFirstNodeToken);
  }
  return row;
}

PathTask PathTask::sample(const GraphOptions& options, int64_t seed) {
  auto generator = generator_of(seed, kTrainStream, -1);
  const auto uniform = [&] { return at::rand({}, generator, at::kDouble).item<double>(); };
  PathTask task;
  task.graph = sample_graph(options.num_nodes, options.edge_prob, uniform);
  task.split = split_pairs(task.graph, options.chance_in_train, uniform);
  task.rows = sample_rows(task.graph, task.split, options.num_of_paths, uniform);
  if (task.rows.train.empty())
    fail<DataError>("a graph of {} nodes with edge_prob {} has no edge: raise edge_prob or num_nodes",
                    options.num_nodes, options.edge_prob);
  return task;
}

}  // namespace arzoo::icl
