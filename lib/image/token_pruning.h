#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

#include "image/grid.h"

namespace arzoo::image {

/// Cached token pruning (Guo et al., FastVAR, ICCV 2025): the blocks compute the pivotal tokens of a late
/// scale alone, those that differ most from their mean; what a block's branches add to the others is what
/// they added to the last whole scale, enlarged. R rows, T tokens of a scale, C width.
class TokenPruning {
 public:
  TokenPruning() = default;
  /// shares: of each scale's tokens that are skipped, in [0, 1); none: of no scale.
  TokenPruning(std::vector<double> shares, Grids grids)
      : shares_(std::move(shares)), grids_(std::move(grids)) {}

  /// Whether scale `scale` loses tokens where it passes alone; the first never does.
  bool prunes(std::size_t scale) const;
  /// Tokens of the scale that are computed, at least one.
  int64_t kept(std::size_t scale) const;

  /// Begins a pass of the scales up to `scale`, through so many blocks of the model; `alone`: of no other.
  void begin_pass(std::size_t scale, bool alone, std::size_t blocks);
  /// The tokens of x, [R, T, C], that the next block computes, [R, K] long, ascending; undefined: all.
  at::Tensor pivots(const at::Tensor& x) const;
  /// What a branch of a block adds to all tokens, [R, T, C], of what it made of those at `pivots`. A whole
  /// scale before one that loses tokens is remembered here.
  enum class Branch { attention, ffn };
  at::Tensor whole(const at::Tensor& made, const at::Tensor& pivots, std::size_t block, Branch branch);

 private:
  std::vector<double> shares_;
  Grids grids_;
  std::size_t scale_ = 0;                     ///< of the pass
  bool pruned_ = false, remembered_ = false;  ///< this pass
  /// What each branch of each block added to the last whole scale, [R, C, h, w]; undefined: nothing.
  std::array<std::vector<at::Tensor>, 2> last_;
};

/// The rows of x, [R, T, C], at index, [R, K] long; all where it is undefined.
at::Tensor rows_at(const at::Tensor& x, const at::Tensor& index);

}  // namespace arzoo::image
