#pragma once

#include <torch/nn/modules/linear.h>

#include "runtime/losses.h"
#include "shape3d/solids/autobrep_fsq.h"
#include "shape3d/solids/deep_coder.h"
#include "shape3d/solids/finite_scalar_quantizer.h"

namespace arzoo::shape3d {

/// Codes of a grid or a curve of 32 samples an axis, under official names. x: [B, 3, 32] or [B, 3, 32, 32].
class BrepCoder : public torch::nn::Module {
 public:
  static constexpr int64_t kSamples = 32;

  BrepCoder(const BrepCoderOptions& options, int64_t axes);

  struct Encoded {
    at::Tensor latent, z;  ///< of the encoder; before quantisation, [B, C, 2] or [B, C, 2, 2]
    at::Tensor codes;      ///< as z, in [-1, 1]
    at::Tensor ids;        ///< [B, 2 or 4] long, row by row
  };
  Encoded encode(const at::Tensor& x) const;
  /// codes: as encode's; returns points, as x.
  at::Tensor decode(const at::Tensor& codes) const;
  /// ids: [B, 2 or 4] long.
  at::Tensor decode_ids(const at::Tensor& ids) const;
  /// The mean squared error of what comes back.
  at::Tensor loss(const at::Tensor& x) const;
  const BrepCoderOptions& options() const { return options_; }
  void initialise();

 private:
  BrepCoderOptions options_;
  int64_t axes_;
  std::shared_ptr<DeepEncoder> encoder_;
  std::shared_ptr<DeepDecoder> decoder_;
  FiniteScalarQuantizer quantizer_;
  std::shared_ptr<DeepConv> downsample_;
  torch::nn::Linear upsample_{nullptr};
};

/// The auto-encoders of faces and of edges.
class AutobrepFsq : public torch::nn::Module {
 public:
  explicit AutobrepFsq(const AutobrepFsqOptions& options);

  BrepCoder& surface() { return *surface_; }
  BrepCoder& edge() { return *edge_; }
  const AutobrepFsqOptions& options() const { return options_; }
  void set_type(at::ScalarType type);
  void initialise();

 private:
  AutobrepFsqOptions options_;
  std::shared_ptr<BrepCoder> surface_, edge_;
};

}  // namespace arzoo::shape3d
