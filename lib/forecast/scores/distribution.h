#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <span>
#include <vector>

namespace arzoo::forecast {

/// The forecast distribution of every cell of a tensor: normal, Student's t, or given by quantiles. Between
/// two quantiles a distribution is a piece of a normal one (its quantile function is linear in the normal
/// score), and beyond the outermost ones the last piece goes on.
///
/// The normal score of a value y is Φ⁻¹(F(y)), Φ being the standard normal distribution: scores are how
/// distributions are calibrated, sampled and scored, all three kinds alike.
class Distribution {
 public:
  Distribution() = default;
  /// location, scale: the same shape, scale > 0.
  static Distribution normal(at::Tensor location, at::Tensor scale);
  /// degrees: of freedom, more than 1, of that shape or one that expands to it.
  static Distribution student_t(at::Tensor location, at::Tensor scale, const at::Tensor& degrees);
  /// levels: ascending in (0, 1), at least two; values: [..., levels], ascending along the last axis.
  static Distribution quantiles(std::vector<double> levels, at::Tensor values);

  bool defined() const { return kind_ != Kind::none; }
  /// Shape of the cells.
  at::IntArrayRef sizes() const { return location_.sizes(); }
  /// The levels that it was made of; empty of a normal or Student's t distribution.
  const std::vector<double>& levels() const { return levels_; }
  const at::Tensor& median() const { return location_; }
  /// The quantile of each cell. level: in (0, 1).
  at::Tensor quantile(double level) const;
  /// Values of normal scores. z: any shape that ends with that of the cells.
  at::Tensor at_scores(const at::Tensor& z) const;
  /// Normal scores of values y, of the cells' shape.
  at::Tensor scores(const at::Tensor& y) const;
  /// What training minimises, a number per cell: the negative log likelihood; of quantiles the mean of
  /// 2 (1[y <= q] - level) (q - y) over their levels (the quantile loss; Koenker and Bassett 1978).
  at::Tensor loss(const at::Tensor& y) const;
  /// The continuous ranked probability score ∫ (F(x) - 1[x >= y])² dx of each cell, in closed form (normal:
  /// Gneiting et al. 2005; Student's t: Jordan, Krüger, Lerch 2019), NaN where y is. No autograd.
  at::Tensor crps(const at::Tensor& y) const;

  /// Of scale * Y + shift; both expand to the cells' shape, scale > 0.
  Distribution affine(const at::Tensor& scale, const at::Tensor& shift) const;
  /// Distances from the median multiplied by `factor`, of the cells' shape.
  Distribution widened(const at::Tensor& factor) const;
  /// The same cells chosen of all parts. choose: works on leading axes alone (select, narrow, to).
  Distribution chosen(const std::function<at::Tensor(const at::Tensor&)>& choose) const;
  /// Distributions of one kind behind one another along a leading axis.
  static Distribution cat(std::span<const Distribution> parts, int64_t axis);

 private:
  enum class Kind { none, normal, student_t, quantiles };

  at::Tensor piecewise_crps(const at::Tensor& y) const;
  at::Tensor student_t_scores(const at::Tensor& standardised) const;

  Kind kind_ = Kind::none;
  at::Tensor location_, scale_, degrees_;  ///< median; scale_, degrees_ undefined where the kind has none
  std::vector<double> levels_;
  at::Tensor values_;  ///< [..., levels]
};

}  // namespace arzoo::forecast
