#pragma once

#include <functional>
#include <memory>

#include "nn/token_decoding.h"

/// What proposes tokens that a pass of a model then verifies (nn/token_decoding.h). N nodes of a tree of
/// drafts, V codes.
namespace arzoo::nn {

/// A row that asks for drafts.
struct DraftRow {
  std::size_t row;                     ///< its number among all rows
  const std::vector<int64_t>& tokens;  ///< so far; the last one is the tree's node 0
  int64_t room;                        ///< the most drafts after one another
  TokenChoice& choice;
  /// The token that must come so many places behind the next one, -1 for any; none where empty.
  std::function<int64_t(int64_t ahead)> given = {};

  DraftRandomInputs& random_inputs() const { return choice.random_inputs(row); }
  int64_t given_at(int64_t ahead) const { return given ? given(ahead) : -1; }
};

/// What became of a row's drafts.
struct SettledDrafts {
  const DraftTree& tree;
  const at::Tensor& p;  ///< [N, V], as the acceptor saw it
  int64_t first;        ///< place of the token after node 0
  const AcceptedPath& path;
};

/// What proposes tokens, for all rows of a generation.
class Drafter {
 public:
  virtual ~Drafter() = default;
  /// Drafts of what follows each of these rows, which have not ended.
  virtual std::vector<DraftTree> propose(const std::vector<DraftRow>& rows) = 0;
  /// Called for each of them after the pass; the row's tokens are those with what it came to.
  virtual void settle(const DraftRow& /*row*/, const SettledDrafts& /*drafts*/) {}
  /// Of a model that drafts, so far, counted by row.
  virtual int64_t passes() const { return 0; }
};

/// No drafts: one token a pass.
class NoDrafts : public Drafter {
 public:
  std::vector<DraftTree> propose(const std::vector<DraftRow>& rows) override {
    std::vector<DraftTree> trees;
    for (const auto& row : rows) trees.push_back(DraftTree::of_root(row.tokens.back()));
    return trees;
  }
};

/// What proposes tokens for one row.
class RowDrafter {
 public:
  virtual ~RowDrafter() = default;
  virtual DraftTree propose(const DraftRow& row) = 0;
  virtual void settle(const DraftRow& /*row*/, const SettledDrafts& /*drafts*/) {}
  virtual int64_t passes() const { return 0; }
};

/// A drafter for each row.
class RowDrafters : public Drafter {
 public:
  explicit RowDrafters(std::vector<std::unique_ptr<RowDrafter>> rows) : rows_(std::move(rows)) {}
  /// Of one row.
  explicit RowDrafters(std::unique_ptr<RowDrafter> row) { rows_.push_back(std::move(row)); }
  std::vector<DraftTree> propose(const std::vector<DraftRow>& rows) override;
  void settle(const DraftRow& row, const SettledDrafts& drafts) override;
  int64_t passes() const override;

 private:
  std::vector<std::unique_ptr<RowDrafter>> rows_;
};

/// Another model that drafts chains, its samples (speculative decoding). Its passes are of all rows at once.
class ModelDrafter : public Drafter {
 public:
  /// Each row of the model has read all tokens but the last, as the target's; `drafts` at a time, sampled by
  /// the target's rules.
  ModelDrafter(DraftTarget& model, int64_t drafts, DecodingRules rules);
  std::vector<DraftTree> propose(const std::vector<DraftRow>& rows) override;
  void settle(const DraftRow& row, const SettledDrafts& drafts) override;
  int64_t passes() const override { return passes_; }

 private:
  struct Memory {
    int64_t certain = -1;  ///< tokens that the model has read and that are certain; -1 before the first round
    int64_t tokens = 0;    ///< of the row when it asked for drafts
  };
  Memory& memory_of(const DraftRow& row);

  DraftTarget& model_;
  int64_t drafts_;
  DecodingRules rules_;
  int64_t passes_ = 0;
  std::vector<Memory> memories_;
};

/// What a window's new places begin with.
enum class FreshDraft {
  random,  ///< any code
  left,    ///< the token at the left in the picture
  upper    ///< the token above
};

/// The samples of the pass before (Jacobi decoding; SJD, Teng et al., ICLR 2025): a window of drafts, each
/// with the distribution that it is a sample of. Fresh ones at its end were not drawn: they count as certain.
class WindowDrafter : public RowDrafter {
 public:
  struct Options {
    int64_t codes = 0;
    int64_t width = 0;  ///< of the picture, in tokens; 0: no picture, fresh drafts are random
    FreshDraft fresh = FreshDraft::random;
    std::function<int64_t(int64_t tokens)> window;  ///< its length after so many, node 0 included
  };
  explicit WindowDrafter(Options options) : options_(std::move(options)) {}
  DraftTree propose(const DraftRow& row) override;
  void settle(const DraftRow& row, const SettledDrafts& drafts) override;

 private:
  int64_t fresh(const std::vector<int64_t>& tokens, DraftRandomInputs& random_inputs) const;

  Options options_;
  std::vector<int64_t> drafts_;
  std::vector<at::Tensor> q_;
};

}  // namespace arzoo::nn
