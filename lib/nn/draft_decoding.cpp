#include "nn/draft_decoding.h"

#include <torch/torch.h>

#include <algorithm>
#include <limits>

namespace arzoo::nn {
namespace {

/// All of a distribution in one code.
at::Tensor certain(int64_t code, int64_t codes) {
  auto q = at::zeros({codes}, at::kFloat);
  q[code] = 1.0F;
  return q;
}

/// Leaves places that must have a token nothing else.
void force_given(const DraftDecoding& decoding, const DraftTree& tree, int64_t first, at::Tensor& logits) {
  const auto depths = tree.depths();
  for (int64_t node = 0; node < tree.size(); ++node) {
    const int64_t token = decoding.given(first + depths[static_cast<std::size_t>(node)]);
    if (token < 0) continue;
    auto row = logits[node];
    row.fill_(-std::numeric_limits<float>::infinity());
    row[token] = 0.0F;
  }
}

/// Tokens that follow one another.
template <class Token>
DraftTree chain_of(Token begin, Token end) {
  DraftTree chain;
  for (; begin != end; ++begin) chain.add(*begin, chain.size() - 1);
  return chain;
}

}  // namespace

at::Tensor filtered_distributions(const at::Tensor& logits, const TokenSampling& sampling) {
  auto allowed = logits.contiguous().clone();
  filter_logits(allowed, sampling);
  return at::softmax(allowed, -1);
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

std::vector<int64_t> decode_with_drafts(const DraftDecoding& decoding, std::vector<int64_t> tokens,
                                        int64_t length, DraftRandomInputs& random_inputs,
                                        DraftCounts* counts) {
  const torch::NoGradGuard no_grad;
  while (static_cast<int64_t>(tokens.size()) < length) {
    random_inputs.begin_round();
    const auto first = static_cast<int64_t>(tokens.size());
    const int64_t room = decoding.past_the_end ? std::numeric_limits<int64_t>::max() : length - first - 1;
    const auto tree = decoding.drafter.propose(tokens, room, random_inputs);
    auto logits = decoding.target.read(tree);
    if (decoding.given) force_given(decoding, tree, first, logits);
    const auto p = filtered_distributions(logits, decoding.sampling);
    const auto path = decoding.acceptor.accept(tree, p, first, random_inputs);
    decoding.target.keep(first - 1, path.nodes);
    for (const int64_t node : path.nodes) {
      if (node > 0) tokens.push_back(tree.tokens[static_cast<std::size_t>(node)]);
    }
    tokens.push_back(path.next);
    decoding.drafter.settle(tree, p, first, path, random_inputs);
    if (counts != nullptr) counts->add(tree, path);
    if (decoding.watch) decoding.watch({tree, logits, p, path});
  }
  if (counts != nullptr) counts->drafter_passes = decoding.drafter.passes();
  tokens.resize(static_cast<std::size_t>(length));
  return tokens;
}

ModelDrafter::ModelDrafter(DraftTarget& model, int64_t drafts, TokenSampling sampling)
    : model_(model), drafts_(drafts), sampling_(std::move(sampling)) {}

DraftTree ModelDrafter::propose(const std::vector<int64_t>& tokens, int64_t room,
                                DraftRandomInputs& random_inputs) {
  auto tree = DraftTree::of_root(tokens.back());
  const int64_t count = std::min(drafts_, room);
  if (remembered_ < 0) remembered_ = static_cast<int64_t>(tokens.size()) - 1;
  auto unread = chain_of(tokens.begin() + remembered_, tokens.end());
  for (int64_t i = 0; i < count; ++i) {
    const auto q = filtered_distributions(model_.read(unread), sampling_)[unread.size() - 1];
    ++passes_;
    tree.add(random_inputs.drafts(q, 1).front(), tree.size() - 1, q);
    unread = DraftTree::of_root(tree.tokens.back());
  }
  return tree;
}

void ModelDrafter::settle(const DraftTree& tree, const at::Tensor&, int64_t first, const AcceptedPath& path,
                          DraftRandomInputs&) {
  if (tree.size() == 1) return;
  // It has read node 0 and all drafts but the last.
  remembered_ = std::min(first + path.drafts(), first + tree.size() - 2);
  model_.keep(remembered_, {});
}

int64_t WindowDrafter::fresh(const std::vector<int64_t>& tokens, DraftRandomInputs& random_inputs) const {
  const auto place = static_cast<int64_t>(tokens.size());
  const int64_t width = options_.width;
  if (options_.fresh == FreshDraft::left && width > 0 && place % width > 0) return tokens.back();
  if (options_.fresh == FreshDraft::upper && width > 0 && place >= width)
    return tokens[static_cast<std::size_t>(place - width)];
  return random_inputs.any_code(options_.codes);
}

DraftTree WindowDrafter::propose(const std::vector<int64_t>& tokens, int64_t room,
                                 DraftRandomInputs& random_inputs) {
  const int64_t count = std::min(options_.window(static_cast<int64_t>(tokens.size())) - 1, room);
  auto so_far = tokens;
  auto tree = DraftTree::of_root(tokens.back());
  for (int64_t i = 0; i < count; ++i) {
    const auto known = static_cast<std::size_t>(i) < drafts_.size();
    const int64_t token = known ? drafts_[static_cast<std::size_t>(i)] : fresh(so_far, random_inputs);
    tree.add(token, i, known ? q_[static_cast<std::size_t>(i)] : certain(token, options_.codes));
    so_far.push_back(token);
  }
  return tree;
}

void WindowDrafter::settle(const DraftTree& tree, const at::Tensor& p, int64_t first,
                           const AcceptedPath& path, DraftRandomInputs& random_inputs) {
  drafts_.clear();
  q_.clear();
  for (int64_t node = path.drafts() + 1; node < tree.size(); ++node) {
    drafts_.push_back(random_inputs.following(p[node], node, first + node));
    q_.push_back(p[node]);
  }
}

}  // namespace arzoo::nn
