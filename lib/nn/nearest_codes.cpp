#include "nn/nearest_codes.h"

#include <torch/library.h>
#include <torch/torch.h>

#include <algorithm>
#include <vector>

#include "kernels/device_kernel.h"

namespace arzoo::nn {
namespace {

/// Distances that a matrix may hold before the search goes without one: 256 MB.
constexpr int64_t kLargestMatrix = int64_t{1} << 26;

/// |z|^2 + |e|^2 - 2 <z, e>, summed in the official order: it decides between codes that are as near.
at::Tensor nearest_by_products(const at::Tensor& z, const at::Tensor& codebook) {
  auto squares = z.square().sum(1, /*keepdim=*/true) + codebook.square().sum(1);
  return squares.addmm_(z, codebook.t(), /*beta=*/1, /*alpha=*/-2).argmin(1);
}

/// The same rows at a time, so that the matrix stays within its bound.
at::Tensor nearest_in_parts(const at::Tensor& z, const at::Tensor& codebook) {
  const int64_t rows = std::max<int64_t>(1, kLargestMatrix / codebook.size(0));
  std::vector<at::Tensor> parts;
  for (const auto& part : z.split(rows)) parts.push_back(nearest_by_products(part, codebook));
  return at::cat(parts);
}

using NearestKernel = kernels::DeviceKernel<at::Tensor(const at::Tensor&, const at::Tensor&)>;

const NearestKernel& nearest_kernel() {
  static const NearestKernel kernel("nearest_codes");
  return kernel;
}

TORCH_LIBRARY_FRAGMENT(arzoo, m) { m.def("nearest_codes(Tensor z, Tensor codebook) -> Tensor"); }
TORCH_LIBRARY_IMPL(arzoo, CPU, m) { m.impl("nearest_codes", &nearest_in_parts); }

}  // namespace

at::Tensor nearest_codes(const at::Tensor& z, const at::Tensor& codebook) {
  // A product and a search of its rows are good where what lies between them is small.
  if (z.size(0) * codebook.size(0) <= kLargestMatrix) return nearest_by_products(z, codebook);
  const torch::NoGradGuard no_grad;
  const bool own = nearest_kernel().is_on(z.device()) && z.scalar_type() == at::kFloat &&
                   codebook.scalar_type() == at::kFloat;
  const auto ids = own ? nearest_kernel()(z, codebook) : at::Tensor();
  return ids.defined() ? ids : nearest_in_parts(z, codebook);
}

}  // namespace arzoo::nn
