#include "nn/token_decoding.h"

#include <torch/torch.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "nn/drafter.h"

namespace arzoo::nn {
namespace {

constexpr double kForbidden = -std::numeric_limits<double>::infinity();

/// row: [V], changed in place; seen: ids of the row.
void penalise(at::Tensor row, const std::vector<int64_t>& seen, double penalty) {
  const auto ids = at::tensor(seen, at::kLong).to(row.device());
  const auto own = row.gather(0, ids);
  row.scatter_(0, ids, at::where(own > 0, own / penalty, own * penalty));
}

/// A stream of rows that go on together. Its first pass reads the prompt.
class StreamTarget : public DraftTarget {
 public:
  StreamTarget(TokenStream& stream, at::Tensor prompt) : stream_(stream), ids_(std::move(prompt)) {}

  at::Tensor read(const std::vector<DraftTree>& trees) override {
    if (!begun_) {
      begun_ = true;
      return stream_.read(ids_).to(at::kFloat);
    }
    std::vector<int64_t> roots;
    for (const auto& tree : trees) {
      if (tree.size() != 1) throw std::logic_error("a token stream reads one token of each row");
      roots.push_back(tree.tokens.front());
    }
    return stream_.read(at::tensor(roots, at::kLong).unsqueeze(1).to(ids_.device())).to(at::kFloat);
  }
  void keep(std::size_t, int64_t, const std::vector<int64_t>&) override {}
  bool reads_all_rows() const override { return true; }

 private:
  TokenStream& stream_;
  at::Tensor ids_;
  bool begun_ = false;
};

/// Rows in the middle of their generation.
class DecodingRows {
 public:
  DecodingRows(const TokenDecoding& decoding, std::vector<std::vector<int64_t>> rows, int64_t length,
               DraftCounts* counts)
      : decoding_(decoding),
        rows_(std::move(rows)),
        ended_(rows_.size(), false),
        length_(length),
        counts_(counts) {}

  /// Returns whether there is another round to come.
  bool round() {
    const bool first = rows_.front().empty();
    std::vector<DraftTree> trees = first ? roots() : proposed();
    std::vector<int64_t> firsts;
    for (std::size_t row = 0; row < rows_.size(); ++row) firsts.push_back(first ? 0 : place(row));
    const auto logits = first ? decoding_.target.begin() : decoding_.target.read(trees);
    const auto allowed = allowed_logits(logits, trees, firsts);
    const auto p = decoding_.choice.probabilities(allowed);
    DecodingRound round{trees, firsts, logits, allowed, p};
    round.paths = decoding_.choice.choose(round);
    for (std::size_t row = 0; row < rows_.size(); ++row) take(row, round, first);
    return (!decoding_.watch || decoding_.watch(round)) && any_open();
  }
  bool any_open() const {
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      if (is_open(row)) return true;
    }
    return false;
  }
  std::vector<std::vector<int64_t>> tokens() && { return std::move(rows_); }

 private:
  bool is_open(std::size_t row) const {
    return !ended_[row] && static_cast<int64_t>(rows_[row].size()) < length_;
  }
  /// Of the token that comes next.
  int64_t place(std::size_t row) const { return static_cast<int64_t>(rows_[row].size()) - decoding_.prompt; }
  std::vector<DraftTree> roots() const {
    return std::vector<DraftTree>(rows_.size(), DraftTree::of_root(-1));
  }

  /// The places behind a row's tokens that must have a token.
  std::function<int64_t(int64_t ahead)> given_to(std::size_t row) const {
    if (!decoding_.given) return {};
    return [this, row, next = place(row)](int64_t ahead) { return decoding_.given(row, next + ahead); };
  }

  std::vector<DraftTree> proposed() {
    std::vector<DraftRow> open;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      if (!is_open(row)) continue;
      decoding_.choice.begin_round(row);
      const auto size = static_cast<int64_t>(rows_[row].size());
      const int64_t room = decoding_.past_the_end ? std::numeric_limits<int64_t>::max() : length_ - size - 1;
      open.push_back({row, rows_[row], room, decoding_.choice, given_to(row)});
    }
    auto drafted = decoding_.drafter.propose(open);
    std::vector<DraftTree> trees(rows_.size());
    for (std::size_t i = 0; i < open.size(); ++i) trees[open[i].row] = std::move(drafted[i]);
    if (!decoding_.target.reads_all_rows()) return trees;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      if (trees[row].size() == 0) trees[row] = DraftTree::of_root(rows_[row].back());
    }
    return trees;
  }

  at::Tensor allowed_logits(const at::Tensor& logits, const std::vector<DraftTree>& trees,
                            const std::vector<int64_t>& firsts) const {
    auto allowed = logits.contiguous().clone();
    int64_t begin = 0;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      const auto& tree = trees[row];
      auto own = allowed.narrow(0, begin, tree.size());
      begin += tree.size();
      apply_rules(own, tree, rows_[row], decoding_.rules);
      if (decoding_.given) force_given(row, tree, firsts[row], own);
    }
    filter_logits(allowed, decoding_.rules.sampling);
    return allowed;
  }

  /// Leaves places that must have a token nothing else.
  void force_given(std::size_t row, const DraftTree& tree, int64_t first, const at::Tensor& logits) const {
    const auto depths = tree.depths();
    for (int64_t node = 0; node < tree.size(); ++node) {
      const int64_t token = decoding_.given(row, first + depths[static_cast<std::size_t>(node)]);
      if (token < 0) continue;
      auto own = logits[node];
      own.fill_(kForbidden);
      own[token] = 0.0F;
    }
  }

  /// Adds what a round came to.
  void take(std::size_t row, DecodingRound& round, bool first) {
    auto& added = round.added.emplace_back();
    const auto& tree = round.trees[row];
    if (!is_open(row)) return;
    const auto& path = round.paths[row];
    if (!first) decoding_.target.keep(row, static_cast<int64_t>(rows_[row].size()) - 1, path.nodes);
    for (const int64_t node : path.nodes) {
      if (node > 0) added.push_back(tree.tokens[static_cast<std::size_t>(node)]);
    }
    added.push_back(path.next);
    added.resize(std::min(added.size(), static_cast<std::size_t>(length_) - rows_[row].size()));
    if (counts_ != nullptr) counts_->add(tree, path);
    const auto end = std::find_if(added.begin(), added.end(), [&](int64_t token) {
      const auto& ends = decoding_.rules.ends;
      return std::find(ends.begin(), ends.end(), token) != ends.end();
    });
    if (end != added.end()) {
      ended_[row] = true;
      added.erase(end + 1, added.end());
    }
    rows_[row].insert(rows_[row].end(), added.begin(), added.end());
    if (first) return;
    const auto p = round.p.defined() ? round.of(round.p, row) : at::Tensor();
    decoding_.drafter.settle({row, rows_[row], 0, decoding_.choice, {}}, {tree, p, round.firsts[row], path});
  }

  const TokenDecoding& decoding_;
  std::vector<std::vector<int64_t>> rows_;
  std::vector<bool> ended_;
  int64_t length_;
  DraftCounts* counts_;
};

}  // namespace

at::Tensor DraftTarget::begin() { throw std::logic_error("a generation that begins with tokens"); }

DraftRandomInputs& TokenChoice::random_inputs(std::size_t) {
  throw std::logic_error("random numbers of drafts where there are none");
}

int64_t DecodingRound::begin(std::size_t row) const {
  int64_t nodes = 0;
  for (std::size_t i = 0; i < row; ++i) nodes += trees[i].size();
  return nodes;
}

void apply_rules(at::Tensor logits, const DraftTree& tree, const std::vector<int64_t>& tokens,
                 const DecodingRules& rules) {
  if (rules.known > 0 && rules.known < logits.size(1))
    logits.narrow(1, rules.known, logits.size(1) - rules.known).fill_(kForbidden);
  if (rules.repetition_penalty == 1.0) return;
  for (int64_t node = 0; node < tree.size(); ++node) {
    auto seen = tokens;
    for (int64_t at = node; at > 0; at = tree.parents[static_cast<std::size_t>(at)])
      seen.push_back(tree.tokens[static_cast<std::size_t>(at)]);
    penalise(logits[node], seen, rules.repetition_penalty);
  }
}

at::Tensor filtered_distributions(const at::Tensor& logits, const TokenSampling& sampling) {
  auto allowed = logits.contiguous().clone();
  filter_logits(allowed, sampling);
  return at::softmax(allowed, -1);
}

std::vector<AcceptedPath> SampledTokens::choose(const DecodingRound& round) {
  // A row that has ended has no place of its own: the others' is one of those that go on.
  const int64_t place = *std::max_element(round.firsts.begin(), round.firsts.end());
  const auto ids = random_inputs_.pick(round.allowed.unsqueeze(1), place).squeeze(1).cpu().contiguous();
  std::vector<AcceptedPath> paths;
  for (int64_t row = 0; row < round.rows(); ++row)
    paths.push_back({.next = ids.const_data_ptr<int64_t>()[row]});
  return paths;
}

at::Tensor AcceptedDrafts::probabilities(const at::Tensor& allowed) const {
  return at::softmax(allowed, -1).cpu();
}

std::vector<AcceptedPath> AcceptedDrafts::choose(const DecodingRound& round) {
  std::vector<AcceptedPath> paths;
  for (std::size_t row = 0; row < round.trees.size(); ++row) {
    const auto& tree = round.trees[row];
    paths.push_back(tree.size() == 0
                        ? AcceptedPath{}
                        : acceptor_.accept(tree, round.of(round.p, row), round.firsts[row], *rows_.at(row)));
  }
  return paths;
}

std::vector<double> DraftCounts::accepted_shares() const {
  std::vector<double> shares;
  for (std::size_t depth = 0; depth < offered.size(); ++depth)
    shares.push_back(static_cast<double>(accepted[depth]) /
                     static_cast<double>(std::max<int64_t>(offered[depth], 1)));
  return shares;
}

void DraftCounts::add(const DraftTree& tree, const AcceptedPath& path) {
  ++passes;
  tokens += path.drafts() + 1;
  const auto depths = tree.depths();
  const auto deepest = static_cast<std::size_t>(*std::max_element(depths.begin(), depths.end()));
  if (offered.size() < deepest) {
    offered.resize(deepest);
    accepted.resize(deepest);
  }
  for (std::size_t depth = 0; depth < deepest; ++depth) {
    ++offered[depth];
    if (static_cast<int64_t>(depth) < path.drafts()) ++accepted[depth];
  }
}

void DraftCounts::add(const DraftCounts& other) {
  passes += other.passes;
  drafter_passes += other.drafter_passes;
  tokens += other.tokens;
  if (offered.size() < other.offered.size()) {
    offered.resize(other.offered.size());
    accepted.resize(other.offered.size());
  }
  for (std::size_t depth = 0; depth < other.offered.size(); ++depth) {
    offered[depth] += other.offered[depth];
    accepted[depth] += other.accepted[depth];
  }
}

std::vector<std::vector<int64_t>> decode(const TokenDecoding& decoding,
                                         std::vector<std::vector<int64_t>> rows, int64_t length,
                                         DraftCounts* counts) {
  const torch::NoGradGuard no_grad;
  DraftCounts own;
  DecodingRows generation(decoding, std::move(rows), length, &own);
  while (generation.any_open() && generation.round()) {
  }
  own.drafter_passes = decoding.drafter.passes();
  if (counts != nullptr) counts->add(own);
  return std::move(generation).tokens();
}

at::Tensor decode_tokens(TokenStream& stream, const at::Tensor& prompt, int64_t steps,
                         const DecodingRules& rules, TokenRandomInputs& random_inputs,
                         const DecodingWatcher& watcher) {
  const c10::InferenceMode inference;
  const auto known = prompt.cpu().contiguous();
  const int64_t batch = known.size(0), tokens = known.size(1);
  std::vector<std::vector<int64_t>> rows;
  for (int64_t row = 0; row < batch; ++row) {
    const auto* first = known.const_data_ptr<int64_t>() + row * tokens;
    rows.emplace_back(first, first + tokens);
  }
  StreamTarget target(stream, prompt);
  NoDrafts drafter;
  SampledTokens choice(random_inputs);
  std::vector<at::Tensor> all{known};
  const auto watch = [&](const DecodingRound& round) {
    auto ids = at::empty({batch}, at::kLong);
    for (int64_t row = 0; row < batch; ++row) {
      const auto& added = round.added[static_cast<std::size_t>(row)];
      // A row that has ended repeats its end.
      ids[row] = added.empty() ? all.back()[row].select(-1, -1) : at::scalar_tensor(added[0], at::kLong);
    }
    all.push_back(ids.unsqueeze(1));
    return !watcher || watcher({static_cast<int64_t>(all.size()) - 2, round.logits, round.allowed, ids});
  };
  decode({.target = target,
          .drafter = drafter,
          .choice = choice,
          .rules = rules,
          .prompt = tokens,
          .watch = watch},
         std::move(rows), tokens + steps);
  return at::cat(all, 1);
}

}  // namespace arzoo::nn
