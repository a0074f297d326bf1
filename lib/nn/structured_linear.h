#pragma once

#include <torch/nn/module.h>

#include <string>

#include "nn/affine.h"

namespace arzoo::nn {

/// How a structured map is made.
struct StructureOptions {
  std::string method = "lowrank";  ///< lowrank | blockdense | blockshuffle
  int64_t rank = 0;                ///< of lowrank and blockdense
  int64_t blocks = 1;              ///< of blockdense and blockshuffle

  /// Throws ConfigError for sizes that do not divide.
  void check(int64_t in, int64_t out) const;
};

/// A linear map by structured factors (Wei et al., "Building on Efficient Foundations: Effective Training of
/// LLMs with Structured Feedforward Layers", NeurIPS 2024; CLAIRE-Labo/StructuredFFN):
///
///   lowrank        lr2 lr1                    [out, r], [r, in]
///   blockdense     lr blkdiag                 [out, r], blkdiag: b blocks [r / b, in / b]
///   blockshuffle   blkdiag2 P blkdiag1, P'    b blocks each; P and P' interleave the blocks (Monarch)
///
/// While it is guided, y = a W x + (1 - a) structured(x): a dense map that the training begins with and
/// leaves.
class StructuredLinear : public torch::nn::Module, public LinearMap {
 public:
  StructuredLinear(const StructureOptions& options, int64_t in, int64_t out, bool with_bias);

  /// x: [..., in]; returns [..., out]. In inference few tokens take the merged weight, which is faster for
  /// them.
  at::Tensor map(const at::Tensor& x, kernels::Activation after) const override;
  /// The dense weight of the factors, [out, in].
  at::Tensor merged() const;
  /// The official initialisation, by singular values.
  void initialise();
  /// Forgets the merged weight, which training changes.
  void train(bool on = true) override;

  /// Adds guide_linear, [out, in], made of the factors as the official code makes it: for blockshuffle without
  /// the permutations.
  void add_guide();
  /// The share a of the guide in the next passes; 0: none.
  void set_guide(double share) { guide_share_ = share; }

 private:
  at::Tensor structured(const at::Tensor& x) const;

  StructureOptions options_;
  int64_t in_, out_;
  at::Tensor first_, second_, bias_, guide_;
  double guide_share_ = 0.0;
  mutable at::Tensor merged_;  ///< once inference has asked for it
};

}  // namespace arzoo::nn
