#include "image/weight_shapes.h"

#include <fmt/ranges.h>

#include <cmath>

namespace arzoo::image {

int64_t size_of(const runtime::NamedTensors& weights, const std::string& name, int64_t dim, int64_t axis) {
  const auto& tensor = weights.at(name);
  if (tensor.dim() != dim) {
    fail<CheckpointError>("{}: {} has shape [{}], expected {} axes", weights.where(), name,
                          fmt::join(tensor.sizes(), ", "), dim);
  }
  return tensor.size(axis);
}

int64_t count_modules(const runtime::NamedTensors& weights, const std::string& prefix,
                      const std::string& name) {
  return count_of(weights, [&](int64_t i) { return fmt::format("{}.{}.{}", prefix, i, name); });
}

int64_t side_of(const runtime::NamedTensors& weights, const std::string& what, int64_t tokens) {
  constexpr int64_t kMostSide = 4096;
  const auto side = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(tokens))));
  if (tokens < 1 || side * side != tokens || side > kMostSide)
    fail<CheckpointError>("{}: {} has {} tokens, expected a square", weights.where(), what, tokens);
  return side;
}

}  // namespace arzoo::image
