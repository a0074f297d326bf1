#include "image/eagle_drafter.h"

#include <torch/torch.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

namespace arzoo::image {
namespace {

/// A node that may become one of the tree.
struct Candidate {
  int64_t token, parent;  ///< -1: the root
  float score;            ///< the sum of the log probabilities on the way to it
};

/// The k largest of a row, in order: values and places.
std::vector<std::pair<float, int64_t>> largest(const at::Tensor& row, int64_t k) {
  const auto [values, places] = row.topk(k);
  const auto* value = values.const_data_ptr<float>();
  const auto* place = places.const_data_ptr<int64_t>();
  std::vector<std::pair<float, int64_t>> pairs;
  for (int64_t i = 0; i < k; ++i) pairs.emplace_back(value[i], place[i]);
  return pairs;
}

/// The numbers of the `count` best, ascending; of equal ones the earlier, so that parents precede children.
std::vector<int64_t> best_of(const std::vector<Candidate>& candidates, std::size_t count) {
  std::vector<int64_t> order(candidates.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return candidates[static_cast<std::size_t>(a)].score > candidates[static_cast<std::size_t>(b)].score;
  });
  order.resize(std::min(count, order.size()));
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace

std::vector<std::vector<int64_t>> drawn_paths(const EagleTree& shape) {
  std::vector<std::vector<int64_t>> paths;
  std::vector<int64_t> first;
  for (int64_t level = 0; level <= shape.depth; ++level) {
    for (int64_t rank = 0; rank < shape.top_k; ++rank) {
      if (static_cast<int64_t>(paths.size()) + 1 == shape.total_token) return paths;
      paths.push_back(first);
      paths.back().push_back(rank);
    }
    first.push_back(0);
  }
  return paths;
}

EagleDrafter::EagleDrafter(const EagleHead& head, const LlamaGenStream& stream, EagleTree shape,
                           const nn::TokenSampling& sampling)
    : head_(head), stream_(stream), shape_(std::move(shape)), sampling_(sampling), cache_(1, 64) {
  if (sampling_.temperature <= nn::TokenSampling::kGreedy) sampling_ = {};
  std::sort(shape_.paths.begin(), shape_.paths.end(),
            [](const auto& a, const auto& b) { return a.size() != b.size() ? a.size() < b.size() : a < b; });
}

at::Tensor EagleDrafter::ids_of(const std::vector<int64_t>& tokens, int64_t rows) const {
  const auto ids = at::tensor(tokens, at::kLong).to(stream_.device());
  return ids.unsqueeze(0).expand({rows, ids.size(0)});
}

at::Tensor EagleDrafter::read_certain(const std::vector<int64_t>& tokens) {
  const std::vector<int64_t> unread(tokens.begin() + certain_, tokens.end());
  std::vector<int64_t> places(unread.size());
  std::iota(places.begin(), places.end(), certain_);
  cache_.truncate(certain_);
  const auto out = head_.forward(ids_of(unread, pending_.size(0)), pending_, places, {.cache = &cache_});
  ++passes_;
  certain_ = static_cast<int64_t>(tokens.size());
  read_ = 0;
  return out.narrow(1, out.size(1) - 1, 1);
}

at::Tensor EagleDrafter::read(const Level& level, int64_t place) {
  const auto nodes = static_cast<int64_t>(level.tokens.size());
  const int64_t before = certain_ + read_;
  auto seen = at::zeros({nodes, before + nodes}, at::kBool);
  seen.narrow(1, 0, certain_).fill_(true);
  for (int64_t node = 0; node < nodes; ++node) {
    for (const int64_t ancestor : level.above[static_cast<std::size_t>(node)])
      seen[node][certain_ + ancestor] = true;
    seen[node][before + node] = true;
  }
  const auto bias = at::zeros(seen.sizes(), level.before.options())
                        .masked_fill_(seen.logical_not().to(level.before.device()),
                                      -std::numeric_limits<double>::infinity())
                        .view({1, 1, nodes, before + nodes});
  const std::vector<int64_t> places(level.tokens.size(), place);
  const auto out = head_.forward(ids_of(level.tokens, level.before.size(0)), level.before, places,
                                 {.cache = &cache_, .bias = bias});
  ++passes_;
  read_ += nodes;
  return out;
}

at::Tensor EagleDrafter::distributions(const at::Tensor& states, int64_t token) const {
  const std::vector<int64_t> tokens(static_cast<std::size_t>(states.size(1)), token);
  return nn::filtered_distributions(stream_.guided_logits(states, tokens).select(0, 0).cpu(), sampling_);
}

nn::DraftTree EagleDrafter::propose(const nn::DraftRow& row) {
  if (!pending_.defined()) {
    const auto& states = stream_.states();
    pending_ = states.narrow(1, states.size(1) - 1, 1);
  }
  const auto state = read_certain(row.tokens);
  const int64_t root = row.tokens.back();
  drawn_.clear();
  if (row.room <= 0) return nn::DraftTree::of_root(root);
  return shape_.paths.empty() ? likely_tree(row, state)
                              : drawn_tree(root, row.room, state, row.random_inputs());
}

nn::DraftTree EagleDrafter::likely_tree(const nn::DraftRow& row, const at::Tensor& state) {
  // A token that is given is the only likely one.
  const auto log_q_of = [&](const at::Tensor& states, int64_t ahead) {
    const auto log_q = distributions(states, certain_ + ahead).log();
    const int64_t given = row.given_at(ahead);
    if (given < 0) return log_q;
    auto forced = at::full_like(log_q, -std::numeric_limits<double>::infinity());
    forced.select(1, given).zero_();
    return forced;
  };
  const auto first = log_q_of(state, 0)[0];
  const auto k = std::min(shape_.top_k, first.size(0));
  std::vector<Candidate> candidates;
  for (const auto& [score, token] : largest(first, k)) candidates.push_back({token, -1, score});
  std::vector<int64_t> beam(static_cast<std::size_t>(k));
  std::iota(beam.begin(), beam.end(), 0);
  Level level{
      {}, state.expand({state.size(0), k, state.size(2)}), std::vector<std::vector<int64_t>>(beam.size())};
  const int64_t levels = std::min(shape_.depth, row.room - 1);
  for (int64_t depth = 0; depth < levels; ++depth) {
    level.tokens.clear();
    for (const int64_t candidate : beam)
      level.tokens.push_back(candidates[static_cast<std::size_t>(candidate)].token);
    const int64_t place = read_;
    const auto out = read(level, certain_ + depth);
    const auto log_q = log_q_of(out, depth + 1);
    const auto begin = static_cast<int64_t>(candidates.size());
    at::Tensor scores = at::empty({k * k}, at::kFloat);
    for (int64_t node = 0; node < k; ++node) {
      const int64_t parent = beam[static_cast<std::size_t>(node)];
      int64_t rank = node * k;
      for (const auto& [value, token] : largest(log_q[node], k)) {
        candidates.push_back({token, parent, candidates[static_cast<std::size_t>(parent)].score + value});
        scores[rank++] = candidates.back().score;
      }
    }
    Level next;
    std::vector<int64_t> parents;
    beam.clear();
    for (const auto& [score, rank] : largest(scores, k)) {
      const int64_t node = rank / k;
      beam.push_back(begin + rank);
      parents.push_back(node);
      next.above.push_back(level.above[static_cast<std::size_t>(node)]);
      next.above.back().push_back(place + node);
    }
    next.before = out.index_select(1, at::tensor(parents, at::kLong).to(out.device()));
    level = std::move(next);
  }
  auto tree = nn::DraftTree::of_root(row.tokens.back());
  std::map<int64_t, int64_t> nodes{{-1, 0}};
  for (const int64_t number : best_of(candidates, static_cast<std::size_t>(shape_.total_token - 1))) {
    const auto& candidate = candidates[static_cast<std::size_t>(number)];
    nodes[number] = tree.add(candidate.token, nodes.at(candidate.parent));
  }
  return tree;
}

nn::DraftTree EagleDrafter::drawn_tree(int64_t root, int64_t room, const at::Tensor& state,
                                       nn::DraftRandomInputs& random_inputs) {
  /// An inner node: what it draws, and what it has been read as.
  struct Inner {
    std::vector<int64_t> codes;
    at::Tensor q;
    int64_t node = 0;
  };
  std::map<std::vector<int64_t>, Inner> inner;
  const auto draw = [&](const std::vector<int64_t>& path, const at::Tensor& q, int64_t node) {
    inner[path] = {random_inputs.drafts(q, shape_.top_k), q, node};
    drawn_.push_back({inner[path].codes, q});
  };
  auto tree = nn::DraftTree::of_root(root);
  draw({}, distributions(state, certain_)[0], 0);
  const auto has_children = [&](const std::vector<int64_t>& path) {
    return std::any_of(shape_.paths.begin(), shape_.paths.end(), [&](const auto& other) {
      return other.size() == path.size() + 1 && std::equal(path.begin(), path.end(), other.begin());
    });
  };
  // Of each path that was read, its place among those read, with its ancestors', and the state behind it.
  std::map<std::vector<int64_t>, std::pair<std::vector<int64_t>, at::Tensor>> passed{{{}, {{}, state}}};
  auto path = shape_.paths.begin();
  for (std::size_t depth = 1; path != shape_.paths.end() && static_cast<int64_t>(depth) <= room; ++depth) {
    Level level;
    std::vector<std::vector<int64_t>> expanded;
    std::vector<int64_t> nodes;
    std::vector<at::Tensor> before;
    for (; path != shape_.paths.end() && path->size() == depth; ++path) {
      const std::vector<int64_t> parent(path->begin(), path->end() - 1);
      const auto& from = inner.at(parent);
      const int64_t code = from.codes.at(static_cast<std::size_t>(path->back()));
      const int64_t node = tree.add(code, from.node, from.q);
      if (!has_children(*path) || static_cast<int64_t>(depth) == room) continue;
      expanded.push_back(*path);
      nodes.push_back(node);
      level.tokens.push_back(code);
      level.above.push_back(passed.at(parent).first);
      before.push_back(passed.at(parent).second);
    }
    if (expanded.empty()) break;
    level.before = at::cat(before, 1);
    const int64_t first = read_;
    const auto out = read(level, certain_ + static_cast<int64_t>(depth) - 1);
    const auto q = distributions(out, certain_ + static_cast<int64_t>(depth));
    for (std::size_t i = 0; i < expanded.size(); ++i) {
      const auto place = static_cast<int64_t>(i);
      auto above = level.above[i];
      above.push_back(first + place);
      passed[expanded[i]] = {above, out.narrow(1, place, 1)};
      draw(expanded[i], q[place], nodes[i]);
    }
  }
  return tree;
}

void EagleDrafter::settle(const nn::DraftRow&, const nn::SettledDrafts& drafts) {
  pending_ = stream_.states().index_select(1, at::tensor(drafts.path.nodes, at::kLong).to(stream_.device()));
}

}  // namespace arzoo::image
