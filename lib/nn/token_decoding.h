#pragma once

#include <functional>
#include <vector>

#include "nn/draft_acceptor.h"
#include "nn/token_sampler.h"

/// Generation token by token, for text and for token-by-token pictures: one loop, whether a pass of the model
/// gives one token or verifies several that something cheaper proposed. With what proposes them
/// (nn/drafter.h) and with what accepts them (nn/draft_acceptor.h) it is plain decoding, speculative
/// decoding, Jacobi decoding, SJD, EAGLE or LANTERN. B rows, T tokens, N nodes of drafts, V vocabulary.
namespace arzoo::nn {

class Drafter;

/// A model in the middle of a generation: it remembers what it has read.
class TokenStream {
 public:
  virtual ~TokenStream() = default;
  /// Reads ids, [B, T] long, that follow what was read; returns the next token's logits, [B, V].
  virtual at::Tensor read(const at::Tensor& ids) = 0;
};

/// A model in the middle of a generation of rows that may go on by different numbers of tokens.
class DraftTarget {
 public:
  virtual ~DraftTarget() = default;
  /// The logits of each row's first token, [B, V] float on any device; of models that begin without
  /// tokens.
  virtual at::Tensor begin();
  /// Reads each row's tree behind what the row remembers, and nothing of a row whose tree is empty: the
  /// logits of what follows each node, row by row, [N of all rows, V] float on any device, before any filter.
  virtual at::Tensor read(const std::vector<DraftTree>& trees) = 0;
  /// The row forgets all but the first `length` tokens, and of those that were read after them all but the
  /// ones at `nodes`, ascending, counted from there.
  virtual void keep(std::size_t row, int64_t length, const std::vector<int64_t>& nodes) = 0;
  /// Whether a pass reads a token of every row, of those that have ended as well.
  virtual bool reads_all_rows() const { return false; }
};

/// How the next token is chosen from its logits, in this order: the repetition penalty, then `sampling`.
struct DecodingRules {
  TokenSampling sampling = {
      .rules = {{FilterStep::temperature, FilterStep::top_k, FilterStep::top_p}, TopPRule::from_below}};
  /// Divides the logit of each id that a row holds, prompt included, where it is positive, and multiplies it
  /// where it is negative (Keskar et al., CTRL, 2019); 1: none.
  double repetition_penalty = 1.0;
  std::vector<int64_t> ends = {};  ///< ids that end a row
  int64_t known = 0;               ///< ids from this one on are never sampled; 0: all may be
};

/// Applies the rules, but for the filters, to the logits of what follows each node of a tree, [N, V], in
/// place. tokens: the row's, up to node 0.
void apply_rules(at::Tensor logits, const DraftTree& tree, const std::vector<int64_t>& tokens,
                 const DecodingRules& rules);
/// The distributions of logits, [N, V] float, after the filters.
at::Tensor filtered_distributions(const at::Tensor& logits, const TokenSampling& sampling);

/// What one row had of a round.
struct DraftRound {
  const DraftTree& tree;
  at::Tensor logits, p;  ///< [N, V]: as the target gave them; the distributions after all filters
  const AcceptedPath& path;
};

/// One pass of the model, and what became of it. What is by row is empty of rows that had ended.
struct DecodingRound {
  const std::vector<DraftTree>& trees;
  const std::vector<int64_t>& firsts;    ///< place of the token that follows node 0
  const at::Tensor &logits, &allowed;    ///< [N, V] as the model gave them, and as they are sampled from
  const at::Tensor& p;                   ///< softmax of `allowed` where drafts are accepted, else undefined
  std::vector<AcceptedPath> paths = {};  ///< by row
  std::vector<std::vector<int64_t>> added = {};  ///< the tokens that it came to, by row

  int64_t rows() const { return static_cast<int64_t>(trees.size()); }
  /// The first of the row's nodes among those of all rows.
  int64_t begin(std::size_t row) const;
  /// A row's part of logits, allowed or p.
  at::Tensor of(const at::Tensor& all, std::size_t row) const {
    return all.narrow(0, begin(row), trees[row].size());
  }
  /// Of a row whose drafts were accepted or not.
  DraftRound row(std::size_t row) const { return {trees[row], of(logits, row), of(p, row), paths[row]}; }
};

/// What becomes of the drafts, and which tokens follow them.
class TokenChoice {
 public:
  virtual ~TokenChoice() = default;
  /// Called before a row's drafts are made.
  virtual void begin_round(std::size_t /*row*/) {}
  /// Of a row, for its drafter; throws std::logic_error where there are no drafts.
  virtual DraftRandomInputs& random_inputs(std::size_t row);
  /// softmax of [N, V] on the CPU, where choosing needs it.
  virtual at::Tensor probabilities(const at::Tensor& /*allowed*/) const { return {}; }
  /// One path by row.
  virtual std::vector<AcceptedPath> choose(const DecodingRound& round) = 0;
};

/// A sample of each row's next token: decoding without drafts.
class SampledTokens : public TokenChoice {
 public:
  explicit SampledTokens(TokenRandomInputs& random_inputs) : random_inputs_(random_inputs) {}
  std::vector<AcceptedPath> choose(const DecodingRound& round) override;

 private:
  TokenRandomInputs& random_inputs_;
};

/// Drafts that an acceptor takes over, each row with its own random numbers.
class AcceptedDrafts : public TokenChoice {
 public:
  AcceptedDrafts(const DraftAcceptor& acceptor, std::vector<DraftRandomInputs*> rows)
      : acceptor_(acceptor), rows_(std::move(rows)) {}
  void begin_round(std::size_t row) override { rows_.at(row)->begin_round(); }
  DraftRandomInputs& random_inputs(std::size_t row) override { return *rows_.at(row); }
  at::Tensor probabilities(const at::Tensor& allowed) const override;
  std::vector<AcceptedPath> choose(const DecodingRound& round) override;

 private:
  const DraftAcceptor& acceptor_;
  std::vector<DraftRandomInputs*> rows_;
};

/// What decoding came to, counted by row. By depth: the first entry is of the drafts right after the last
/// certain token.
struct DraftCounts {
  int64_t passes = 0, drafter_passes = 0, tokens = 0;
  std::vector<int64_t> offered, accepted;

  double tokens_per_pass() const {
    return passes == 0 ? 0.0 : static_cast<double>(tokens) / static_cast<double>(passes);
  }
  /// The share of drafts that were accepted, by depth.
  std::vector<double> accepted_shares() const;
  void add(const DraftTree& tree, const AcceptedPath& path);
  void add(const DraftCounts& other);
};

/// What a generation is made of.
struct TokenDecoding {
  DraftTarget& target;
  Drafter& drafter;
  TokenChoice& choice;
  DecodingRules rules = {};
  int64_t prompt = 0;  ///< tokens of a row before place 0
  /// The token that a place must have, -1 for any; none where empty.
  std::function<int64_t(std::size_t row, int64_t place)> given = {};
  /// Hears of each round; false ends the generation.
  std::function<bool(const DecodingRound& round)> watch = {};
  /// Drafts may lie behind the end of the sequence, as officially in LANTERN; what is accepted there is lost.
  bool past_the_end = false;
};

/// Continues each row's tokens, which the target has read but for the last, to `length` tokens, or to the
/// first of the ends. Rows of a target that begins without tokens are empty.
std::vector<std::vector<int64_t>> decode(const TokenDecoding& decoding,
                                         std::vector<std::vector<int64_t>> rows, int64_t length,
                                         DraftCounts* counts = nullptr);

/// One new token of each row.
struct DecodingStep {
  int64_t index = 0;                   ///< 0, 1, …
  const at::Tensor &logits, &allowed;  ///< [B, V] as the model gave them, and as they were sampled from
  const at::Tensor& ids;               ///< [B] long, on the CPU
};
/// Hears of each step; false ends the generation.
using DecodingWatcher = std::function<bool(const DecodingStep& step)>;

/// Continues the prompt, [B, T] long, T at least 1, without drafts, by up to `steps` tokens: until every row
/// has had one of the ends. A row that has ended repeats its end. Returns [B, T + new] on the CPU.
at::Tensor decode_tokens(TokenStream& stream, const at::Tensor& prompt, int64_t steps,
                         const DecodingRules& rules, TokenRandomInputs& random_inputs,
                         const DecodingWatcher& watcher = {});

}  // namespace arzoo::nn
