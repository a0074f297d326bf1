#pragma once

#include <torch/nn/module.h>

#include <utility>

#include "nn/affine.h"

namespace arzoo::nn {

/// Sizes of a dense-sparse factorisation.
struct DenseSparseSizes {
  int64_t blocks = 1;    ///< slices of the input
  int64_t rank = 1;      ///< rows of a slice's dense factor
  int64_t nonzeros = 1;  ///< of a row of the sparse factor

  /// Throws ConfigError for sizes that do not fit the map.
  void check(int64_t in, int64_t out) const;
};

/// A linear map by a small dense and a row-sparse factor per slice of its input (DSFormer, arXiv 2312.13211;
/// a reconstruction): y = sum_b S_b (D_b x_b) + bias, each row of S_b with its `nonzeros` entries of largest
/// magnitude. S is kept whole in training: the mask is taken anew in each pass, and the gradient goes through
/// it to all entries (straight-through factoriser).
class DenseSparseLinear : public torch::nn::Module, public LinearMap {
 public:
  DenseSparseLinear(const DenseSparseSizes& sizes, int64_t in, int64_t out, bool with_bias);

  at::Tensor map(const at::Tensor& x, kernels::Activation after) const override;
  /// The factors of the singular value decomposition of each slice, root of the singular values each. weight:
  /// [out, in].
  void factorise(const at::Tensor& weight, const at::Tensor& bias = {});
  /// The dense weight of the masked factors, [out, in].
  at::Tensor product() const;
  void initialise(double deviation);
  /// Entries of S that its mask leaves out.
  int64_t masked_numbers() const { return sparse_.numel() / sizes_.rank * (sizes_.rank - sizes_.nonzeros); }
  /// Widths in and out.
  std::pair<int64_t, int64_t> sizes() const { return {dense_.size(0) * dense_.size(2), sparse_.size(1)}; }
  /// What is stored at the end: the columns that are kept of each row of S, ascending, and their values,
  /// [blocks, out, nonzeros] each.
  std::pair<at::Tensor, at::Tensor> kept() const;

 private:
  at::Tensor masked() const;

  DenseSparseSizes sizes_;
  at::Tensor sparse_;  ///< S before its mask, [blocks, out, rank]
  at::Tensor dense_;   ///< [blocks, rank, in / blocks]
  at::Tensor bias_;
};

}  // namespace arzoo::nn
