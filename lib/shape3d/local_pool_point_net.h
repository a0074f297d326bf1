#pragma once

#include "shape3d/resnet_block_fc.h"
#include "shape3d/triplane.h"
#include "shape3d/unet_2d.h"

namespace arzoo::shape3d {

/// Where points stand in the three planes around the unit cube [-0.5, 0.5]^3 with its margin.
///
/// points: [B, N, 3]; returns [B, N, 2] in [0, 1); what lies outside is moved to the border.
at::Tensor normalised_coordinates(const at::Tensor& points, std::size_t plane, double padding);

/// The encoder of Argus3D (Convolutional Occupancy Networks' local PointNet): each residual block sees what
/// the points of the same cells pooled, and the points' features are averaged into the three planes.
///
/// It owns a U-Net, which is in the released files, but the released code never calls it: here it is not
/// trained either.
class LocalPoolPointNet : public torch::nn::Module {
 public:
  explicit LocalPoolPointNet(const Argus3dVqOptions& options);

  /// Of points [B, N, 3].
  struct Planes {
    std::array<at::Tensor, 3> maps;  ///< [B, C, R, R] each; empty cells are 0
    at::Tensor features;             ///< of the points, [B, N, C]
  };
  Planes forward(const at::Tensor& points) const;
  void initialise();

 private:
  /// The cell of each point in a plane, counted over the batch: [B N] long.
  at::Tensor cells(const at::Tensor& points, std::size_t plane) const;
  /// What the cells of each point pool of net [B N, h], summed over the planes.
  at::Tensor pooled(const at::Tensor& net, const std::array<at::Tensor, 3>& cells, int64_t batch) const;

  int64_t resolution_;
  double padding_;
  bool by_max_;
  std::shared_ptr<nn::LinearLayer> fc_pos_, fc_c_;
  std::vector<std::shared_ptr<ResnetBlockFc>> blocks_;
  std::shared_ptr<UNet2d> unet_;
};

}  // namespace arzoo::shape3d
