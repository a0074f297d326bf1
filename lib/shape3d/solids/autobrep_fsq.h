#pragma once

#include "core/config.h"

namespace arzoo::shape3d {

/// One of the two auto-encoders, under the official arguments' names.
struct BrepCoderOptions {
  std::vector<int64_t> block_out_channels = {128, 256, 512, 512};
  int64_t layers_per_block = 2;
  int64_t z_dim = 4;
  std::vector<int64_t> fsq_levels = {8, 5, 5, 5};
  bool use_dcae = true;

  static void fields(auto& o, auto& field) {
    field("block_out_channels", o.block_out_channels, nonempty(between(1, 65536)),
          "channels of each stage; between stages the resolution is halved");
    field("layers_per_block", o.layers_per_block, between(1, 64), "residual blocks of a stage");
    field("z_dim", o.z_dim, between(1, 64), "channels of a code, one for each of fsq_levels");
    field("fsq_levels", o.fsq_levels, nonempty(between(2, 4096)), "values of each channel of a code");
    field("use_dcae", o.use_dcae, {}, "only true: the deep-compression auto-encoder");
  }
  void check() const {
    require(use_dcae, "use_dcae must be true: the other auto-encoder is not built");
    require(block_out_channels.size() == 4,
            "block_out_channels: {} stages, expected 4 (32 samples become 4, then 2 codes)",
            block_out_channels.size());
    require(static_cast<int64_t>(fsq_levels.size()) == z_dim, "fsq_levels: {} of them, expected z_dim ({})",
            fsq_levels.size(), z_dim);
    require(block_out_channels.back() % z_dim == 0,
            "the last of block_out_channels ({}) must be a multiple of z_dim ({})", block_out_channels.back(),
            z_dim);
    for (std::size_t i = 0; i + 1 < block_out_channels.size(); ++i) {
      const auto in = block_out_channels[i], out = block_out_channels[i + 1];
      require(out % 4 == 0, "block_out_channels: {} must be a multiple of 4", out);
      require(2 * in % out == 0, "block_out_channels: twice {} must be a multiple of the next, {}", in, out);
      require(2 * in >= out, "block_out_channels: {} is more than twice the one before", out);
    }
    double codes = 1.0;
    for (const int64_t level : fsq_levels) codes *= static_cast<double>(level);
    require(codes <= 1 << 20, "fsq_levels: {} codes, at most {} expected", codes, 1 << 20);
  }
  int64_t codes() const {
    int64_t product = 1;
    for (const int64_t level : fsq_levels) product *= level;
    return product;
  }
};

/// AutoBrep's two auto-encoders with finite scalar quantisation (Xu et al., AutoBrep, SIGGRAPH Asia 2025): a
/// face's grid of 32 x 32 points becomes 4 codes, an edge's 32 points 2.
struct AutobrepFsqOptions {
  static constexpr std::string_view kName = "autobrep_fsq";
  static constexpr std::string_view kPaper = "Xu et al., AutoBrep, SIGGRAPH Asia 2025";

  BrepCoderOptions surface, edge;

  static void fields(auto& o, auto& field) {
    field("surface", o.surface, {}, "the auto-encoder of faces");
    field("edge", o.edge, {}, "the auto-encoder of edges");
  }
};

}  // namespace arzoo::shape3d
