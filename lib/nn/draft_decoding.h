#pragma once

#include <functional>

#include "nn/draft_acceptor.h"
#include "nn/token_sampler.h"

/// Decoding with drafts: one pass of a model verifies several tokens that something cheaper proposed. With
/// what proposes them and with what accepts them it is speculative decoding, Jacobi decoding, SJD, EAGLE or
/// LANTERN. N nodes of a tree of drafts, V codes.
namespace arzoo::nn {

/// A model in the middle of a generation of one sequence.
class DraftTarget {
 public:
  virtual ~DraftTarget() = default;
  /// Reads the tree's tokens behind what is remembered: the logits of what follows each node, [N, V] float on
  /// the CPU, before any filter.
  virtual at::Tensor read(const DraftTree& tree) = 0;
  /// Forgets all but the first `length` tokens, and of those that were read after them the ones at `nodes`,
  /// ascending, counted from there.
  virtual void keep(int64_t length, const std::vector<int64_t>& nodes) = 0;
};

/// What proposes tokens.
class Drafter {
 public:
  virtual ~Drafter() = default;
  /// Drafts of what follows the last of `tokens`, which is the tree's node 0, at most `room` after one
  /// another.
  virtual DraftTree propose(const std::vector<int64_t>& tokens, int64_t room,
                            DraftRandomInputs& random_inputs) = 0;
  /// What became of them. p: [N, V], as the acceptor saw it; first: place of the token after node 0.
  virtual void settle(const DraftTree& /*tree*/, const at::Tensor& /*p*/, int64_t /*first*/,
                      const AcceptedPath& /*path*/, DraftRandomInputs& /*random_inputs*/) {}
  /// Of a model that drafts, so far.
  virtual int64_t passes() const { return 0; }
};

/// No drafts: one token a pass.
class NoDrafts : public Drafter {
 public:
  DraftTree propose(const std::vector<int64_t>& tokens, int64_t, DraftRandomInputs&) override {
    return DraftTree::of_root(tokens.back());
  }
};

/// Another model that drafts a chain, its samples (speculative decoding).
class ModelDrafter : public Drafter {
 public:
  /// The model has read all tokens but the last, as the target; `drafts` at a time, filtered by `sampling`,
  /// as the target's.
  ModelDrafter(DraftTarget& model, int64_t drafts, TokenSampling sampling);
  DraftTree propose(const std::vector<int64_t>& tokens, int64_t room,
                    DraftRandomInputs& random_inputs) override;
  void settle(const DraftTree& tree, const at::Tensor& p, int64_t first, const AcceptedPath& path,
              DraftRandomInputs& random_inputs) override;
  int64_t passes() const override { return passes_; }

 private:
  DraftTarget& model_;
  int64_t drafts_;
  TokenSampling sampling_;
  int64_t passes_ = 0;
  int64_t remembered_ =
      -1;  ///< tokens that the model has read and that are certain; -1 before the first round
};

/// What a window's new places begin with.
enum class FreshDraft {
  random,  ///< any code
  left,    ///< the token at the left in the picture
  upper    ///< the token above
};

/// The samples of the pass before (Jacobi decoding; SJD, Teng et al., ICLR 2025): a window of drafts, each
/// with the distribution that it is a sample of. Fresh ones at its end were not drawn: they count as certain.
class WindowDrafter : public Drafter {
 public:
  struct Options {
    int64_t codes = 0;
    int64_t width = 0;  ///< of the picture, in tokens; 0: no picture, fresh drafts are random
    FreshDraft fresh = FreshDraft::random;
    std::function<int64_t(int64_t tokens)> window;  ///< its length after so many, node 0 included
  };
  explicit WindowDrafter(Options options) : options_(std::move(options)) {}
  DraftTree propose(const std::vector<int64_t>& tokens, int64_t room,
                    DraftRandomInputs& random_inputs) override;
  void settle(const DraftTree& tree, const at::Tensor& p, int64_t first, const AcceptedPath& path,
              DraftRandomInputs& random_inputs) override;

 private:
  int64_t fresh(const std::vector<int64_t>& tokens, DraftRandomInputs& random_inputs) const;

  Options options_;
  std::vector<int64_t> drafts_;
  std::vector<at::Tensor> q_;
};

/// What decoding came to. By depth: the first entry is of the drafts right after the last certain token.
struct DraftCounts {
  int64_t passes = 0, drafter_passes = 0, tokens = 0;
  std::vector<int64_t> offered, accepted;

  double tokens_per_pass() const {
    return passes == 0 ? 0.0 : static_cast<double>(tokens) / static_cast<double>(passes);
  }
  void add(const DraftTree& tree, const AcceptedPath& path);
  void add(const DraftCounts& other);
};

/// One round, for those who watch.
struct DraftRound {
  const DraftTree& tree;
  const at::Tensor &logits, &p;  ///< [N, V]: as the target gave them; the distributions after all filters
  const AcceptedPath& path;
};

/// What a decoding is made of.
struct DraftDecoding {
  DraftTarget& target;
  Drafter& drafter;
  const DraftAcceptor& acceptor;
  TokenSampling sampling;
  /// The token that a place of the sequence must have, -1 for any; none where empty.
  std::function<int64_t(int64_t place)> given = {};
  std::function<void(const DraftRound& round)> watch = {};
  /// Drafts may lie behind the end of the sequence, as officially in LANTERN; what is accepted there is lost.
  bool past_the_end = false;
};

/// Continues `tokens`, at least one, which the target has read but for the last, to `length`.
std::vector<int64_t> decode_with_drafts(const DraftDecoding& decoding, std::vector<int64_t> tokens,
                                        int64_t length, DraftRandomInputs& random_inputs,
                                        DraftCounts* counts = nullptr);

/// The distributions of logits, [N, V] float, after the filters.
at::Tensor filtered_distributions(const at::Tensor& logits, const TokenSampling& sampling);

}  // namespace arzoo::nn
