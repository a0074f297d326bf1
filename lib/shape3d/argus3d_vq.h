#pragma once

#include "core/config.h"

namespace arzoo::shape3d {

/// A U-Net on planes, under the official argument names.
struct UNet2dOptions {
  int64_t depth = 4;
  int64_t start_filts = 32;
  std::string merge_mode = "concat";
  std::string up_mode = "transpose";

  static void fields(auto& o, auto& field) {
    field("depth", o.depth, between(1, 10), "levels; each but the last halves the side");
    field("start_filts", o.start_filts, between(1, 65536), "channels of the first level, doubled at each");
    field("merge_mode", o.merge_mode, one_of({"concat", "add"}),
          "how a level of the way up joins that of the way down");
    field("up_mode", o.up_mode, one_of({"transpose", "upsample"}),
          "transposed convolutions, or bilinear upsampling and a 1x1 convolution");
  }
  void check() const {
    require(up_mode == "transpose" || merge_mode == "concat",
            "up_mode \"upsample\" needs merge_mode \"concat\"");
  }
};

/// Stage 1 of Argus3D (Qian et al., 2024; the method of ImAM, Luo et al., ICCV 2023): points of a surface to
/// three feature planes, these merged into one map of tokens, and back to three planes that tell the
/// occupancy anywhere. Names are the official arguments'; the defaults are the released model's.
struct Argus3dVqOptions {
  static constexpr std::string_view kName = "argus3d_vq";
  static constexpr std::string_view kPaper = "Qian et al., Argus3D, 2024 (tri-plane VQ auto-encoder)";

  int64_t plane_resolution = 256;
  int64_t c_dim = 32;
  std::vector<int64_t> widths = {32, 64, 128, 256};
  int64_t embedding_num = 8192;
  int64_t embedding_dim = 512;
  int64_t reduce_dim = 4;
  double beta = 0.4;
  int64_t hidden_dim = 32;
  int64_t n_blocks = 5;
  int64_t decoder_hidden_size = 32;
  double padding = 0.1;
  std::string scatter_type = "max";
  std::string sample_mode = "bilinear";
  bool leaky = false;
  double threshold = 0.2;
  int64_t revive_every = 0;
  UNet2dOptions unet_kwargs;

  static void fields(auto& o, auto& field) {
    field("plane_resolution", o.plane_resolution, between(8, 4096),
          "cells of a plane's side, a multiple of 8");
    field("c_dim", o.c_dim, between(1, 65536), "channels of a plane");
    field("widths", o.widths, nonempty(between(1, 65536)),
          "channels at each resolution from the planes to the tokens; the first is c_dim");
    field("embedding_num", o.embedding_num, between(1, 1 << 20), "code vectors");
    field("embedding_dim", o.embedding_dim, between(1, 65536), "channels of a token");
    field("reduce_dim", o.reduce_dim, between(1, 65536), "width of a code vector");
    field("beta", o.beta, at_least(0), "weight of the loss that moves the code vectors; the other has 1");
    field("hidden_dim", o.hidden_dim, between(1, 65536), "width of the point network");
    field("n_blocks", o.n_blocks, between(1, 1024),
          "residual blocks of the point network, and of the decoder");
    field("decoder_hidden_size", o.decoder_hidden_size, between(1, 65536), "width of the decoder");
    field("padding", o.padding, between(0, 10),
          "margin of the planes around the unit cube, as a share of it");
    field("scatter_type", o.scatter_type, one_of({"max", "mean"}),
          "how the point network pools the points of a cell");
    field("sample_mode", o.sample_mode, one_of({"bilinear", "nearest"}), "how the decoder reads a plane");
    field("leaky", o.leaky, {}, "leaky ReLU before the decoder's last map");
    field("threshold", o.threshold, between(1e-6, 1 - 1e-6), "probability of occupancy at the surface");
    field("revive_every", o.revive_every, at_least(0),
          "training batches after which code vectors that a batch does not use become its features, all of "
          "them "
          "in the first batch; 0 for never, as released");
    field("unet_kwargs", o.unet_kwargs, {}, "the U-Nets");
  }
  void check() const {
    require(plane_resolution % 8 == 0, "plane_resolution ({}) must be a multiple of 8", plane_resolution);
    require(widths.size() == 4, "widths must be 4 numbers, got {}", widths.size());
    require(widths.front() == c_dim, "the first of widths ({}) must be c_dim ({})", widths.front(), c_dim);
    require(side() % (int64_t{1} << (unet_kwargs.depth - 1)) == 0,
            "plane_resolution / 8 ({}) must be a multiple of 2^(unet_kwargs.depth - 1) ({})", side(),
            int64_t{1} << (unet_kwargs.depth - 1));
  }
  /// Tokens along a side of the map, and in all.
  int64_t side() const { return plane_resolution / 8; }
  int64_t tokens() const { return side() * side(); }
};

}  // namespace arzoo::shape3d
