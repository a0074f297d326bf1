#pragma once

#include "nn/draft_random_inputs.h"
#include "nn/draft_tree.h"

/// Which drafts a model takes over. V codes.
namespace arzoo::nn {

class DraftAcceptor {
 public:
  virtual ~DraftAcceptor() = default;
  /// p: [N, V] float on the CPU, the model's distribution after each node; first: place in the sequence of
  /// the token that follows node 0.
  virtual AcceptedPath accept(const DraftTree& tree, const at::Tensor& p, int64_t first,
                              DraftRandomInputs& random_inputs) const = 0;
};

/// A draft is right if it is what the model samples there (Jacobi decoding; Santilli et al., ACL 2023).
/// Lossless: every token is a sample of the model's.
class EqualityAcceptor : public DraftAcceptor {
 public:
  AcceptedPath accept(const DraftTree& tree, const at::Tensor& p, int64_t first,
                      DraftRandomInputs& random_inputs) const override;
};

/// Codes that look alike, nearest first (LANTERN; Jang et al., ICLR 2025), and how far the distribution may
/// be moved for their sake.
struct Relaxation {
  at::Tensor nearest;  ///< [V, k + 1] long, without the code itself; undefined: no relaxation, lossless
  /// At most 1: the bound on the probability of the codes that a draft stands for. Above 1 (LANTERN++; Park
  /// et al., 2025) the bound is (delta - 1) times the draft's own probability.
  double delta = 0.0;

  bool any() const { return nearest.defined(); }
  int64_t codes() const { return nearest.size(1) - 1; }
  /// The largest sum of the first neighbours' probabilities in g, [V], that the bound allows; negative where
  /// it allows none.
  double mass(const at::Tensor& g, int64_t code) const;
};

/// Speculative sampling (Leviathan et al., ICML 2023; Chen et al., 2023) on a tree (SpecInfer, Miao et al.,
/// ASPLOS 2024; EAGLE-2, Li et al., EMNLP 2024): a draft x is accepted with probability p(x) / q(x), q being
/// 1 for chosen drafts; when all are rejected, the next token is a sample of what they leave of p. The
/// tokens' distribution is the model's, whatever q is, unless it is relaxed.
class RatioAcceptor : public DraftAcceptor {
 public:
  explicit RatioAcceptor(Relaxation relaxation = {}) : relaxation_(std::move(relaxation)) {}
  AcceptedPath accept(const DraftTree& tree, const at::Tensor& p, int64_t first,
                      DraftRandomInputs& random_inputs) const override;

 private:
  /// The child that is accepted, -1 for none; g becomes what remains of the model's distribution.
  int64_t accepted_child(const DraftTree& tree, int64_t node, at::Tensor& g,
                         DraftRandomInputs& random_inputs) const;

  Relaxation relaxation_;
};

/// Without sampling: the path with the most drafts that are the model's most likely codes, the first of
/// equally long ones, then the most likely code (greedy decoding).
class GreedyAcceptor : public DraftAcceptor {
 public:
  explicit GreedyAcceptor(Relaxation relaxation = {}, PathOrder order = PathOrder::by_leaf)
      : relaxation_(std::move(relaxation)), order_(order) {}
  AcceptedPath accept(const DraftTree& tree, const at::Tensor& p, int64_t first,
                      DraftRandomInputs& random_inputs) const override;

 private:
  bool matches(const at::Tensor& p, int64_t code) const;

  Relaxation relaxation_;
  PathOrder order_;
};

/// For each code the others by Euclidean distance of their vectors as they are stored, nearest first, of
/// equally near ones the lower number: the `count` first, [V, count] long. codebook: [V, C].
at::Tensor nearest_other_codes(const at::Tensor& codebook, int64_t count);
/// A control of it: each code gets the row of another one, always the same, where it gives way to that one.
at::Tensor shuffled_codes(const at::Tensor& nearest);

}  // namespace arzoo::nn
