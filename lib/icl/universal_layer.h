#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>

/// One softmax attention layer and one ReLU layer that approximate any continuous map of sequences (Gumaan,
/// 2025): the heads say where in a grid the sequence lies, the hidden units hold the values of the cells. The
/// weights are a construction of this project with that idea; all numbers are fp64.
namespace arzoo::icl {

/// A map [0, 1]^(n x d) -> R^(n x 1 or d) that is to be approximated.
struct SequenceMap {
  std::function<at::Tensor(const at::Tensor&)> apply;  ///< x: [B, n, d]; returns [B, n, dout]
  double lipschitz = 1.0;                              ///< in the sup norm
};
/// "sort" (along the tokens), "reverse" (their order), "wave" (sin(pi x1) cos(pi x2), x1 x2). Throws
/// std::logic_error for another name.
SequenceMap sequence_map(const std::string& name);

/// K cells along each axis of n tokens with d coordinates.
struct CellGrid {
  int64_t tokens = 2, coordinates = 1, cells = 2;
  double beta = 240.0;  ///< sharpness of the heads' steps

  int64_t axes() const { return tokens * coordinates; }
  int64_t heads() const { return axes() * (cells - 1); }
  /// Hidden units: one for each cell and token.
  int64_t width() const;
  int64_t token_width() const { return coordinates + tokens + 2; }
  /// Half width of the zones around the inner lines of the grid, where a step is neither 0 nor 1.
  double zone() const;
  /// The most that the approximation is wrong off the corners: where at most one coordinate lies in a zone.
  double bound(double lipschitz) const;
  /// Whether two coordinates or more lie in zones. x: [B, n, d]; returns [B] bool.
  at::Tensor in_corner(const at::Tensor& x) const;
};

/// Heads of size 1 that every token asks alike, a residual stream [z | heads], and a ReLU layer without
/// output bias. H heads, F hidden units, Z = d + n + 2.
struct SingleLayer {
  at::Tensor wq, wk, wv;  ///< [H, Z]
  at::Tensor w1, b1;      ///< [F, Z + H], [F]
  at::Tensor w2;          ///< [dout, F]

  struct Result {
    at::Tensor heads, hidden, y;  ///< [B, n, H], [B, n, F], [B, n, dout]
  };
  /// x: [B, n, d], in the weights' type.
  Result forward(const at::Tensor& x) const;
};

/// The construction.
SingleLayer construct_layer(const SequenceMap& map, const CellGrid& grid);

/// [points^(n d), n, d]: a grid of `points` places along each axis, from `begin` to `end`.
at::Tensor grid_points(const CellGrid& grid, int64_t points, double begin, double end);

/// How far an approximation is from the map on some points: of each point the largest error of its outputs.
struct ApproximationError {
  double sup_off_corners = 0.0, sup = 0.0, mean = 0.0, corner_share = 0.0;
};
/// approximate: x [B, n, d] to y [B, n, dout], called with parts of the points.
ApproximationError approximation_error(const std::function<at::Tensor(const at::Tensor&)>& approximate,
                                       const SequenceMap& map, const CellGrid& grid,
                                       const at::Tensor& points);

}  // namespace arzoo::icl
