#pragma once

#include <torch/nn/module.h>

#include <string>
#include <utility>

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

/// How the factors begin.
struct StructureInit {
  /// svd: of a fresh dense weight's largest singular values; ortho: each block with orthonormal rows or
  /// columns; none: normal.
  std::string post_init = "svd";
  bool xavier = false;      ///< deviation 1 / sqrt(in) instead of `deviation`
  double deviation = 0.02;  ///< of normal weights
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
  /// The official initialisation.
  void initialise(const StructureInit& init);
  /// Widths in and out.
  std::pair<int64_t, int64_t> sizes() const { return {in_, out_}; }
  /// Of lowrank: the factors of the largest singular values of a dense weight, [out, in], roots of them each.
  void factorise(const at::Tensor& weight, const at::Tensor& bias = {});
  /// Forgets the merged weight, which training changes.
  void train(bool on = true) override;

  /// Adds guide_linear, [out, in], made of the factors as the official code makes it: for blockshuffle
  /// without the permutations. With it come the buffers ratio, the guide's share a, and count, the steps that
  /// led to it.
  void add_guide();
  /// The share of the guide from now on, after so many steps; 0: none.
  void set_guide(double share, int64_t steps = 0);
  /// Whether the next passes in training do without the guide, as if its share were 0.
  void skip_guide(bool skip) { skips_guide_ = skip; }

 private:
  /// after(the factors of x + bias), without the guide.
  at::Tensor structured(const at::Tensor& x, const at::Tensor& bias, kernels::Activation after) const;
  /// Of blockshuffle.
  at::Tensor shuffled(const at::Tensor& x) const;
  double guide_share() const;

  StructureOptions options_;
  int64_t in_, out_;
  at::Tensor first_, second_, bias_;
  at::Tensor guide_, ratio_, count_;  ///< undefined without a guide
  bool skips_guide_ = false;
  mutable at::Tensor merged_;  ///< once inference has asked for it
};

}  // namespace arzoo::nn
