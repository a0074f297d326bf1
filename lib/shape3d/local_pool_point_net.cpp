#include "shape3d/local_pool_point_net.h"

#include <torch/torch.h>

#include "shape3d/linear_start.h"

namespace arzoo::shape3d {
namespace {

/// The means of rows [M, C] that share a cell, [cells, C]; 0 of empty ones.
at::Tensor cell_means(const at::Tensor& rows, const at::Tensor& cells, int64_t count) {
  const auto sums =
      at::zeros({count, rows.size(1)}, rows.options().requires_grad(false)).index_add(0, cells, rows);
  const auto points = at::bincount(cells, {}, count).clamp_min(1).to(rows.scalar_type());
  return sums / points.unsqueeze(1);
}

at::Tensor cell_maxima(const at::Tensor& rows, const at::Tensor& cells, int64_t count) {
  return at::zeros({count, rows.size(1)}, rows.options().requires_grad(false))
      .scatter_reduce(0, cells.unsqueeze(1).expand_as(rows), rows, "amax", /*include_self=*/false);
}

}  // namespace

at::Tensor normalised_coordinates(const at::Tensor& points, std::size_t plane, double padding) {
  constexpr double kEdge = 10e-6;
  const auto t = plane_coordinates(points, plane) / (1 + padding + kEdge) + 0.5;
  return at::where(t.ge(1.0), at::full({}, 1 - kEdge, t.options()), t).clamp_min(0.0);
}

LocalPoolPointNet::LocalPoolPointNet(const Argus3dVqOptions& options)
    : resolution_(options.plane_resolution),
      padding_(options.padding),
      by_max_(options.scatter_type == "max") {
  const int64_t hidden = options.hidden_dim;
  fc_pos_ = register_module("fc_pos", std::make_shared<nn::LinearLayer>(3, 2 * hidden));
  torch::nn::ModuleList list;
  for (int64_t i = 0; i < options.n_blocks; ++i) {
    blocks_.push_back(std::make_shared<ResnetBlockFc>(2 * hidden, hidden));
    list->push_back(blocks_.back());
  }
  register_module("blocks", list);
  fc_c_ = register_module("fc_c", std::make_shared<nn::LinearLayer>(hidden, options.c_dim));
  unet_ = register_module("unet", std::make_shared<UNet2d>(options.c_dim, options.unet_kwargs));
  for (auto& parameter : unet_->parameters()) parameter.requires_grad_(false);
}

at::Tensor LocalPoolPointNet::cells(const at::Tensor& points, std::size_t plane) const {
  const auto places = (normalised_coordinates(points, plane, padding_) * resolution_).to(at::kLong);
  const auto own = places.select(2, 0) + resolution_ * places.select(2, 1);  // [B, N]
  const auto first = at::arange(points.size(0), own.options()).unsqueeze(1) * (resolution_ * resolution_);
  return (own + first).flatten();
}

at::Tensor LocalPoolPointNet::pooled(const at::Tensor& net, const std::array<at::Tensor, 3>& cells,
                                     int64_t batch) const {
  const int64_t count = batch * resolution_ * resolution_;
  at::Tensor sum;
  for (const auto& own : cells) {
    const auto of_cells = by_max_ ? cell_maxima(net, own, count) : cell_means(net, own, count);
    const auto of_points = of_cells.index_select(0, own);
    sum = sum.defined() ? sum + of_points : of_points;
  }
  return sum;
}

LocalPoolPointNet::Planes LocalPoolPointNet::forward(const at::Tensor& points) const {
  const int64_t batch = points.size(0), count = batch * resolution_ * resolution_;
  std::array<at::Tensor, 3> of_planes;
  for (std::size_t plane = 0; plane < 3; ++plane) of_planes[plane] = cells(points, plane);
  auto net = blocks_.front()->forward(fc_pos_->forward(points.flatten(0, 1)));
  for (std::size_t i = 1; i < blocks_.size(); ++i)
    net = blocks_[i]->forward(at::cat({net, pooled(net, of_planes, batch)}, 1));
  const auto features = fc_c_->forward(net);
  Planes planes;
  planes.features = features.view({batch, points.size(1), -1});
  for (std::size_t plane = 0; plane < 3; ++plane) {
    planes.maps[plane] = cell_means(features, of_planes[plane], count)
                             .view({batch, resolution_, resolution_, -1})
                             .permute({0, 3, 1, 2});
  }
  return planes;
}

void LocalPoolPointNet::initialise() {
  initialise_default(*fc_pos_);
  initialise_default(*fc_c_);
  for (const auto& block : blocks_) block->initialise();
  unet_->initialise();
}

}  // namespace arzoo::shape3d
