#include "icl/universal_layer.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <vector>

namespace arzoo::icl {
namespace {

constexpr double kFar = 100.0;  ///< how far below a head's scores those of other tokens lie

at::Tensor sorted(const at::Tensor& x) { return std::get<0>(x.sort(1)); }
at::Tensor reversed(const at::Tensor& x) { return x.flip({1}); }

at::Tensor wave(const at::Tensor& x) {
  const auto first = x.select(1, 0), second = x.select(1, 1);
  constexpr double kPi = std::numbers::pi;
  return at::stack({(kPi * first).sin() * (kPi * second).cos(), first * second}, 1);
}

/// [B, n + 1, Z]: coordinates, one-hot place, 1, 0; last the sink, all 0 but the 1 and its flag.
at::Tensor tokens_of(const at::Tensor& x) {
  const int64_t n = x.size(1), d = x.size(2);
  auto all = at::zeros({x.size(0), n + 1, d + n + 2}, x.options());
  all.narrow(1, 0, n).narrow(2, 0, d).copy_(x);
  all.narrow(1, 0, n).narrow(2, d, n).copy_(at::eye(n, x.options()).expand({x.size(0), n, n}));
  all.select(2, d + n).fill_(1.0);
  all.select(1, n).select(1, d + n + 1).fill_(1.0);
  return all;
}

}  // namespace

SequenceMap sequence_map(const std::string& name) {
  if (name == "sort") return {&sorted, 1.0};
  if (name == "reverse") return {&reversed, 1.0};
  if (name == "wave") return {&wave, std::numbers::pi * std::numbers::sqrt2};
  throw std::logic_error("unknown map of sequences " + name);
}

int64_t CellGrid::width() const {
  int64_t width = tokens;
  for (int64_t axis = 0; axis < axes(); ++axis) width *= cells;
  return width;
}

double CellGrid::zone() const { return std::log(1000.0) / beta; }

double CellGrid::bound(double lipschitz) const {
  return lipschitz * (0.5 / static_cast<double>(cells) + zone()) + 0.002 * static_cast<double>(axes());
}

at::Tensor CellGrid::in_corner(const at::Tensor& x) const {
  const auto count = static_cast<double>(cells);
  const auto line = (x * count).round().clamp(1.0, count - 1.0) / count;  // the nearest inner one
  return (x - line).abs().lt(zone()).flatten(1).sum(1).ge(2);
}

SingleLayer::Result SingleLayer::forward(const at::Tensor& x) const {
  const auto z = tokens_of(x);  // [B, n + 1, Z]
  const auto q = at::linear(z, wq), k = at::linear(z, wk), v = at::linear(z, wv);
  // [B, n + 1, n + 1, H]: every head has scores of its own.
  const auto weights = at::softmax(q.unsqueeze(2) * k.unsqueeze(1), 2);
  const int64_t n = x.size(1);
  Result result;
  result.heads = (weights * v.unsqueeze(1)).sum(2).narrow(1, 0, n);
  result.hidden = at::relu(at::linear(at::cat({z.narrow(1, 0, n), result.heads}, 2), w1, b1));
  result.y = at::linear(result.hidden, w2);
  return result;
}

SingleLayer construct_layer(const SequenceMap& map, const CellGrid& grid) {
  const int64_t n = grid.tokens, d = grid.coordinates, steps = grid.cells - 1, z = grid.token_width();
  const int64_t constant = d + n, sink = constant + 1;
  const auto doubles = at::TensorOptions(at::kDouble);
  SingleLayer layer;
  layer.wq = at::zeros({grid.heads(), z}, doubles);
  layer.wk = at::zeros({grid.heads(), z}, doubles);
  layer.wv = at::zeros({grid.heads(), z}, doubles);
  layer.wq.select(1, constant).fill_(1.0);
  layer.wv.select(1, constant).fill_(1.0);
  layer.wv.select(1, sink).fill_(-1.0);
  auto keys = layer.wk.accessor<double, 2>();
  const double far = grid.beta + kFar;
  for (int64_t head = 0; head < grid.heads(); ++head) {
    const int64_t axis = head / steps;
    const double threshold = static_cast<double>(head % steps + 1) / static_cast<double>(grid.cells);
    keys[head][axis % d] = grid.beta;
    keys[head][d + axis / d] = far;
    keys[head][constant] = -(grid.beta * threshold + far);
    keys[head][sink] = grid.beta * threshold + far;
  }
  const int64_t width = grid.width(), axes = grid.axes();
  layer.w1 = at::zeros({width, z + grid.heads()}, doubles);
  layer.b1 = at::full({width}, -static_cast<double>(axes), doubles);
  auto centres = at::empty({width / n, n, d}, doubles);
  auto w1 = layer.w1.accessor<double, 2>();
  auto b1 = layer.b1.accessor<double, 1>();
  const auto rows = centres.view({width / n, axes});
  auto centre = rows.accessor<double, 2>();
  for (int64_t cell = 0; cell < width / n; ++cell) {
    int64_t rest = cell;
    for (int64_t axis = axes - 1; axis >= 0; --axis, rest /= grid.cells) {
      const int64_t g = rest % grid.cells;  // the interval, step g less step g + 1
      centre[cell][axis] = (static_cast<double>(g) + 0.5) / static_cast<double>(grid.cells);
      for (int64_t unit = cell * n; unit < (cell + 1) * n; ++unit) {
        if (g > 0) w1[unit][z + axis * steps + g - 1] = 1.0;
        if (g == 0) b1[unit] += 1.0;  // step 0 is 1 everywhere
        if (g < steps) w1[unit][z + axis * steps + g] = -1.0;
      }
    }
    for (int64_t place = 0; place < n; ++place) w1[cell * n + place][d + place] = 1.0;
  }
  layer.w2 = map.apply(centres).flatten(0, 1).t().contiguous();  // unit = cell * n + place
  return layer;
}

at::Tensor grid_points(const CellGrid& grid, int64_t points, double begin, double end) {
  const auto axis = at::linspace(begin, end, points, at::kDouble);
  const std::vector<at::Tensor> axes(static_cast<std::size_t>(grid.axes()), axis);
  std::vector<at::Tensor> columns;
  for (const auto& column : at::meshgrid(axes, "ij")) columns.push_back(column.flatten());
  return at::stack(columns, 1).view({-1, grid.tokens, grid.coordinates});
}

ApproximationError approximation_error(const std::function<at::Tensor(const at::Tensor&)>& approximate,
                                       const SequenceMap& map, const CellGrid& grid,
                                       const at::Tensor& points) {
  constexpr int64_t kNumbers = 1 << 22;
  const int64_t part = std::max<int64_t>(1, kNumbers / std::max<int64_t>(1, grid.width() * grid.tokens));
  ApproximationError error;
  double sum = 0.0, corners = 0.0;
  for (int64_t first = 0; first < points.size(0); first += part) {
    const auto x = points.narrow(0, first, std::min(part, points.size(0) - first));
    const auto wrong = (approximate(x) - map.apply(x)).abs().flatten(1);
    const auto most = wrong.amax(1), corner = grid.in_corner(x);
    error.sup = std::max(error.sup, most.max().item<double>());
    error.sup_off_corners =
        std::max(error.sup_off_corners, most.masked_fill(corner, 0.0).max().item<double>());
    sum += most.sum().item<double>();
    corners += corner.sum().item<double>();
  }
  error.mean = sum / static_cast<double>(points.size(0));
  error.corner_share = corners / static_cast<double>(points.size(0));
  return error;
}

}  // namespace arzoo::icl
