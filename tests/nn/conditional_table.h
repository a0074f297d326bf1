#pragma once

#include <vector>

#include "nn/drafter.h"

/// A model of which all is known, for tests of decoding with drafts.
namespace arzoo::test {

inline constexpr int64_t kCodes = 4;

/// A model whose every conditional distribution is known.
struct ConditionalTable {
  /// Each drawn evenly from all distributions (Dirichlet with parameters 1), of the contexts' own seed.
  explicit ConditionalTable(uint64_t seed) {
    for (int64_t context = 0; context < 400; ++context) {
      const auto generator = at::make_generator<at::CPUGeneratorImpl>(seed * 1000 + context);
      const auto weights = -at::rand({kCodes}, generator).clamp_min(1e-9).log();
      rows.push_back(weights / weights.sum());
    }
  }
  /// The distribution after these tokens.
  const at::Tensor& after(const std::vector<int64_t>& tokens) const {
    int64_t number = 0;
    for (const int64_t token : tokens) number = number * (kCodes + 1) + token + 1;
    return rows.at(static_cast<std::size_t>(number % 400));
  }
  std::vector<at::Tensor> rows;
};

/// The table as a model in the middle of generations.
class TableTarget : public nn::DraftTarget {
 public:
  explicit TableTarget(const ConditionalTable& table, std::size_t rows = 1) : table_(table), read_(rows) {}
  at::Tensor begin() override {
    passes += static_cast<int64_t>(read_.size());
    return table_.after({}).log().unsqueeze(0).repeat({static_cast<int64_t>(read_.size()), 1});
  }
  at::Tensor read(const std::vector<nn::DraftTree>& trees) override {
    std::vector<at::Tensor> rows;
    for (std::size_t row = 0; row < trees.size(); ++row) {
      if (trees[row].size() > 0) ++passes;
      add(trees[row], read_.at(row), rows);
    }
    return at::stack(rows);
  }
  void keep(std::size_t row, int64_t length, const std::vector<int64_t>& nodes) override {
    auto& read = read_.at(row);
    std::vector<int64_t> kept(read.begin(), read.begin() + length);
    for (const int64_t node : nodes) kept.push_back(read.at(static_cast<std::size_t>(length + node)));
    read = kept;
  }
  int64_t passes = 0;

 private:
  void add(const nn::DraftTree& tree, std::vector<int64_t>& read, std::vector<at::Tensor>& rows) const {
    for (int64_t node = 0; node < tree.size(); ++node) {
      std::vector<int64_t> above;
      for (int64_t at = node; at >= 0; at = tree.parents[static_cast<std::size_t>(at)])
        above.insert(above.begin(), tree.tokens[static_cast<std::size_t>(at)]);
      auto context = read;
      context.insert(context.end(), above.begin(), above.end());
      rows.push_back(table_.after(context).log());
    }
    read.insert(read.end(), tree.tokens.begin(), tree.tokens.end());
  }
  const ConditionalTable& table_;
  std::vector<std::vector<int64_t>> read_;
};

/// Trees of depth two, of a table's codes: the two most likely, or two drawn without replacement.
class TreeDrafter : public nn::RowDrafter {
 public:
  TreeDrafter(const ConditionalTable& table, bool drawn) : table_(table), drawn_(drawn) {}
  nn::DraftTree propose(const nn::DraftRow& row) override {
    auto tree = nn::DraftTree::of_root(row.tokens.back());
    if (row.room > 0) grow(tree, 0, row.tokens, std::min<int64_t>(row.room, 2), row.random_inputs());
    return tree;
  }

 private:
  void grow(nn::DraftTree& tree, int64_t node, const std::vector<int64_t>& context, int64_t room,
            nn::DraftRandomInputs& random) {
    const auto& q = table_.after(context);
    std::vector<int64_t> codes;
    if (drawn_) {
      codes = random.drafts(q, 2);
    } else {
      const auto best = std::get<1>(q.topk(2));
      codes = {best[0].item<int64_t>(), best[1].item<int64_t>()};
    }
    for (const int64_t code : codes) {
      const auto child = tree.add(code, node, drawn_ ? q : at::Tensor());
      auto below = context;
      below.push_back(code);
      if (room > 1) grow(tree, child, below, room - 1, random);
    }
  }
  const ConditionalTable& table_;
  bool drawn_;
};

}  // namespace arzoo::test
