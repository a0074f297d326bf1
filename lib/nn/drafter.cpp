#include "nn/drafter.h"

#include <torch/torch.h>

#include <algorithm>

namespace arzoo::nn {
namespace {

/// All of a distribution in one code.
at::Tensor certain(int64_t code, int64_t codes) {
  auto q = at::zeros({codes}, at::kFloat);
  q[code] = 1.0F;
  return q;
}

/// Tokens that follow one another.
template <class Token>
DraftTree chain_of(Token begin, Token end) {
  DraftTree chain;
  for (; begin != end; ++begin) chain.add(*begin, chain.size() - 1);
  return chain;
}

}  // namespace

std::vector<DraftTree> RowDrafters::propose(const std::vector<DraftRow>& rows) {
  std::vector<DraftTree> trees;
  for (const auto& row : rows) trees.push_back(rows_.at(row.row)->propose(row));
  return trees;
}

void RowDrafters::settle(const DraftRow& row, const SettledDrafts& drafts) {
  rows_.at(row.row)->settle(row, drafts);
}

int64_t RowDrafters::passes() const {
  int64_t passes = 0;
  for (const auto& row : rows_) passes += row->passes();
  return passes;
}

ModelDrafter::ModelDrafter(DraftTarget& model, int64_t drafts, DecodingRules rules)
    : model_(model), drafts_(drafts), rules_(std::move(rules)) {}

ModelDrafter::Memory& ModelDrafter::memory_of(const DraftRow& row) {
  if (memories_.size() <= row.row) memories_.resize(row.row + 1);
  return memories_[row.row];
}

std::vector<DraftTree> ModelDrafter::propose(const std::vector<DraftRow>& rows) {
  std::vector<DraftTree> trees;
  for (const auto& row : rows) {
    auto& memory = memory_of(row);
    memory.tokens = static_cast<int64_t>(row.tokens.size());
    if (memory.certain < 0) memory.certain = memory.tokens - 1;
    trees.push_back(DraftTree::of_root(row.tokens.back()));
  }
  for (int64_t draft = 0; draft < drafts_; ++draft) {
    std::vector<DraftTree> unread(memories_.size());
    std::vector<std::size_t> asked;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (draft >= rows[i].room) continue;
      asked.push_back(i);
      unread[rows[i].row] =
          draft == 0 ? chain_of(rows[i].tokens.begin() + memory_of(rows[i]).certain, rows[i].tokens.end())
                     : DraftTree::of_root(trees[i].tokens.back());
    }
    if (asked.empty()) break;
    const auto logits = model_.read(unread);
    int64_t end = 0;
    for (const std::size_t i : asked) {
      ++passes_;
      end += unread[rows[i].row].size();
      auto last = logits.narrow(0, end - 1, 1).clone();
      auto so_far = rows[i].tokens;
      so_far.insert(so_far.end(), trees[i].tokens.begin() + 1, trees[i].tokens.end());
      apply_rules(last, DraftTree::of_root(so_far.back()), so_far, rules_);
      const int64_t given = rows[i].given_at(draft);
      const auto q =
          given < 0 ? filtered_distributions(last, rules_.sampling)[0] : certain(given, last.size(1));
      trees[i].add(rows[i].random_inputs().drafts(q, 1).front(), trees[i].size() - 1, q);
    }
  }
  return trees;
}

void ModelDrafter::settle(const DraftRow& row, const SettledDrafts& drafts) {
  if (drafts.tree.size() == 1) return;
  auto& memory = memory_of(row);
  // It has read node 0 and all drafts but the last.
  memory.certain = std::min(memory.tokens + drafts.path.drafts(), memory.tokens + drafts.tree.size() - 2);
  model_.keep(row.row, memory.certain, {});
}

int64_t WindowDrafter::fresh(const std::vector<int64_t>& tokens, DraftRandomInputs& random_inputs) const {
  const auto place = static_cast<int64_t>(tokens.size());
  const int64_t width = options_.width;
  if (options_.fresh == FreshDraft::left && width > 0 && place % width > 0) return tokens.back();
  if (options_.fresh == FreshDraft::upper && width > 0 && place >= width)
    return tokens[static_cast<std::size_t>(place - width)];
  return random_inputs.any_code(options_.codes);
}

DraftTree WindowDrafter::propose(const DraftRow& row) {
  const int64_t count = std::min(options_.window(static_cast<int64_t>(row.tokens.size())) - 1, row.room);
  auto so_far = row.tokens;
  auto tree = DraftTree::of_root(row.tokens.back());
  for (int64_t i = 0; i < count; ++i) {
    const auto known = static_cast<std::size_t>(i) < drafts_.size();
    const int64_t given = known ? -1 : row.given_at(i);
    const int64_t token = known        ? drafts_[static_cast<std::size_t>(i)]
                          : given >= 0 ? given
                                       : fresh(so_far, row.random_inputs());
    tree.add(token, i, known ? q_[static_cast<std::size_t>(i)] : certain(token, options_.codes));
    so_far.push_back(token);
  }
  return tree;
}

void WindowDrafter::settle(const DraftRow& row, const SettledDrafts& drafts) {
  drafts_.clear();
  q_.clear();
  for (int64_t node = drafts.path.drafts() + 1; node < drafts.tree.size(); ++node) {
    drafts_.push_back(row.random_inputs().following(drafts.p[node], node, drafts.first + node));
    q_.push_back(drafts.p[node]);
  }
}

}  // namespace arzoo::nn
