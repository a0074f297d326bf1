#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "icl/data_options.h"

/// Path finding in a random directed acyclic graph (ALPINE, Wang et al., NeurIPS 2024). n nodes; an edge i ->
/// j has i < j.
namespace arzoo::icl {

/// The next uniform number in [0, 1).
using UniformSource = std::function<double()>;

/// [n, n] bool: edges, and paths of any length.
struct PathGraph {
  at::Tensor adjacency, reachability;

  int64_t nodes() const { return adjacency.size(0); }
};
PathGraph sample_graph(int64_t nodes, double edge_prob, const UniformSource& sample);

/// Which reachable pairs are trained on, [source, target]: 1 train, -1 test, 0 not reachable. A pair with an
/// edge, and the first source of a target, are always trained on.
at::Tensor split_pairs(const PathGraph& graph, double chance_in_train, const UniformSource& sample);

/// "s t s u_1 … t".
using PathRow = std::vector<int64_t>;
struct PathRows {
  std::vector<PathRow> train, test;
};
/// Of each trained pair the edge, if there is one, and `walks` random walks; of each tested pair one walk.
PathRows sample_rows(const PathGraph& graph, const at::Tensor& split, int64_t walks,
                     const UniformSource& sample);

/// Tokens: 0 pads, 1 ends a row, node i is i + 2.
constexpr int64_t kPadToken = 0, kEndToken = 1, kFirstNodeToken = 2;
inline int64_t vocab_size(int64_t nodes) { return nodes + kFirstNodeToken; }
/// The official block: the longest row, rounded up to more than it by 32s.
int64_t block_size(const PathRows& rows);
/// Rows with their end, padded: [rows, block_size + 1] long.
at::Tensor row_tokens(const std::vector<PathRow>& rows, int64_t block_size);

/// What training rows show (Sec. 4): edges walked over, [node, node]; [target, node] for nodes seen on the
/// way to a target, from the fourth number of a row on. bool.
struct Observed {
  at::Tensor adjacency, reachability;
};
Observed observe(const std::vector<PathRow>& rows, int64_t nodes);

/// How far a tested pair is beyond what training showed (Sec. 4): 0 if the source itself was seen on the way
/// to the target, 1 if a next node was, …; -1 if nothing reachable was.
int64_t path_degree(const PathGraph& graph, const Observed& seen, int64_t source, int64_t target);

enum class PathVerdict { valid, wrong_syntax, wrong_ends, no_edge };
/// Of a generated row: at least four numbers, from the source to the target, over edges alone.
PathVerdict judge(const PathRow& row, const PathGraph& graph);
/// The numbers of generated tokens up to the end token.
PathRow row_of(const at::Tensor& tokens);

/// A graph, its split and its rows, as a config asks for them.
struct PathTask {
  PathGraph graph;
  at::Tensor split;
  PathRows rows;

  static PathTask sample(const GraphOptions& options, int64_t seed);
};

}  // namespace arzoo::icl
