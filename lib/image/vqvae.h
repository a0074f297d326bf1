#pragma once

#include "core/config.h"

namespace arzoo::image {

/// The multi-scale VQ-VAE of VAR (Tian et al., NeurIPS 2024, Sec. 3.2), and with a band_rule that of NFIG
/// (arXiv 2503.07076), whose token maps code frequency bands. Names are the official class's; the defaults
/// are VAR's published tokenizer's.
struct VqvaeOptions {
  static constexpr std::string_view kName = "vqvae";
  static constexpr std::string_view kPaper = "Tian et al., VAR, NeurIPS 2024 (multi-scale VQ-VAE)";

  int64_t vocab_size = 4096;
  int64_t z_channels = 32;
  int64_t ch = 160;
  std::vector<int64_t> ch_mult = {1, 1, 2, 2, 4};
  int64_t num_res_blocks = 2;
  double beta = 0.25;
  bool using_znorm = false;
  int64_t quant_conv_ks = 3;
  double quant_resi = 0.5;
  int64_t share_quant_resi = 4;
  std::vector<int64_t> v_patch_nums = {1, 2, 3, 4, 5, 6, 8, 10, 13, 16};
  std::string band_rule = "none";
  double l1_weight = 0.0;
  int64_t revive_every = 0;

  static void fields(auto& o, auto& field) {
    field("vocab_size", o.vocab_size, at_least(1), "code vectors");
    field("z_channels", o.z_channels, at_least(1), "width of a code vector");
    field("ch", o.ch, at_least(32), "channels of the finest level, a multiple of 32");
    field("ch_mult", o.ch_mult, nonempty(at_least(1)),
          "each level's channels in multiples of ch, finest first");
    field("num_res_blocks", o.num_res_blocks, between(1, 1024), "residual blocks of an encoder's level");
    field("beta", o.beta, at_least(0), "weight of the commitment loss");
    field("using_znorm", o.using_znorm, {}, "compare code vectors by cosine similarity");
    field("quant_conv_ks", o.quant_conv_ks, at_least(1),
          "kernel of the convolutions around the quantiser, odd");
    field("quant_resi", o.quant_resi, {},
          "share of the convolution in phi, its sign is ignored; 0 for no phi");
    field("share_quant_resi", o.share_quant_resi, at_least(0),
          "phi convolutions shared by the scales; 0 for one per scale");
    field("v_patch_nums", o.v_patch_nums, nonempty(at_least(1)), "side of each token map, coarse to fine");
    field("band_rule", o.band_rule, one_of({"none", "linear", "area"}),
          "frequencies that the token maps up to each one code (NFIG): none, all at once, as VAR; linear, as "
          "printed, up to a radius that grows with the tokens; area, as many as there are tokens");
    field("l1_weight", o.l1_weight, at_least(0),
          "weight of the mean absolute error in the training loss, added to the mean squared error");
    field("revive_every", o.revive_every, at_least(0),
          "training batches after which unused code vectors are reset to features, 0 for never");
  }
  void check() const {
    require(ch % 32 == 0, "ch must be a multiple of 32 (group normalisation), got {}", ch);
    require(ch_mult.size() <= 8, "ch_mult has {} levels, at most 8 expected", ch_mult.size());
    require(quant_conv_ks % 2 == 1, "quant_conv_ks must be odd, got {}", quant_conv_ks);
    require(v_patch_nums.size() >= 2, "v_patch_nums must have at least 2 scales, got {}",
            v_patch_nums.size());
  }
  /// Pixels of an image's side per latent pixel.
  int64_t downsampling() const { return int64_t{1} << (ch_mult.size() - 1); }
  /// Pixels of an image's side.
  int64_t pixels() const { return v_patch_nums.back() * downsampling(); }
};

}  // namespace arzoo::image
