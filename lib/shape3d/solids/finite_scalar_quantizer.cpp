#include "shape3d/solids/finite_scalar_quantizer.h"

#include <torch/torch.h>

namespace arzoo::shape3d {
namespace {

int64_t same_level(int64_t level) { return level; }
int64_t half_level(int64_t level) { return level / 2; }

}  // namespace

at::Tensor FiniteScalarQuantizer::row(const at::Tensor& like, int64_t (*of)(int64_t level)) const {
  std::vector<int64_t> values;
  for (const int64_t level : levels_) values.push_back(of(level));
  return at::tensor(values, at::kLong).to(like.options());
}

at::Tensor FiniteScalarQuantizer::basis(const at::Tensor& like) const {
  std::vector<int64_t> values;
  int64_t product = 1;
  for (const int64_t level : levels_) {
    values.push_back(product);
    product *= level;
  }
  return at::tensor(values, at::kLong).to(like.options());
}

at::Tensor FiniteScalarQuantizer::codes(const at::Tensor& z) const {
  constexpr double kEps = 1e-3;
  const auto levels = row(z, same_level), half = (levels - 1) * (1 - kEps) / 2;
  const auto offset = at::where(levels.remainder(2).eq(0), 0.5, 0.0).to(z.options());
  // The tangent, where the paper has the inverse hyperbolic one: as released.
  const auto bounded = at::tanh(z + at::tan(offset / half)) * half - offset;
  return (bounded + (at::round(bounded) - bounded).detach()) / row(z, half_level);
}

at::Tensor FiniteScalarQuantizer::ids(const at::Tensor& codes) const {
  const auto half = row(codes, half_level);
  return ((codes * half + half) * basis(codes)).sum(-1).to(at::kLong);
}

at::Tensor FiniteScalarQuantizer::opened(const at::Tensor& ids) const {
  const auto values = at::floor_divide(ids.unsqueeze(-1), basis(ids)).remainder(row(ids, same_level));
  const auto half = row(ids, half_level).to(at::kFloat);
  return (values.to(at::kFloat) - half) / half;
}

}  // namespace arzoo::shape3d
