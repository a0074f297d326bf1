#pragma once

#include "core/config.h"

namespace arzoo::image {

/// What LlamaGen's tokenizer is trained to minimise, under the names of the official trainer's arguments:
/// reconstruction, codebook and, from some step on, a discriminator. The official perceptual loss
/// is left out: LPIPS' weights do not come with this program.
struct VqLossOptions {
  std::string reconstruction_loss = "l2";
  double reconstruction_weight = 1.0;
  double disc_weight = 0.5;
  int64_t disc_start = 20000;
  std::string disc_type = "patchgan";
  int64_t disc_dim = 64;
  int64_t disc_num_layers = 3;
  std::string disc_loss = "hinge";
  std::string gen_loss = "hinge";
  bool disc_adaptive_weight = false;

  static void fields(auto& o, auto& field) {
    field("reconstruction_loss", o.reconstruction_loss, one_of({"l1", "l2"}),
          "error of the pixels: absolute or squared");
    field("reconstruction_weight", o.reconstruction_weight, at_least(0), "its weight");
    field("disc_weight", o.disc_weight, at_least(0), "weight of the adversarial losses; 0: no discriminator");
    field("disc_start", o.disc_start, at_least(0), "training batches before the adversarial losses begin");
    field("disc_type", o.disc_type, one_of({"patchgan", "stylegan"}),
          "discriminator: of patches, or of whole pictures (StyleGAN2's)");
    field("disc_dim", o.disc_dim, at_least(1), "patchgan: channels of the discriminator's first convolution");
    field("disc_num_layers", o.disc_num_layers, between(1, 16),
          "patchgan: convolutions of the discriminator, less two");
    field("disc_loss", o.disc_loss, one_of({"hinge", "vanilla", "non-saturating"}),
          "loss of the discriminator");
    field("gen_loss", o.gen_loss, one_of({"hinge", "non-saturating"}), "adversarial loss of the tokenizer");
    field("disc_adaptive_weight", o.disc_adaptive_weight, {},
          "weigh the adversarial loss so that its gradient at the last layer is as large as the "
          "reconstruction's");
  }
};

/// The VQ tokenizer of LlamaGen (Sun et al., 2024, Sec. 3.1): one grid of tokens, 16 or 8 times smaller than
/// the picture. Names are the official class's; the defaults are those of vq_ds16_c2i.pt.
struct LlamaGenVqOptions {
  static constexpr std::string_view kName = "llamagen_vq";
  static constexpr std::string_view kPaper = "Sun et al., LlamaGen, 2024 (VQ tokenizer)";

  int64_t codebook_size = 16384;
  int64_t codebook_embed_dim = 8;
  bool codebook_l2_norm = true;
  double commit_loss_beta = 0.25;
  double entropy_loss_ratio = 0.0;
  int64_t ch = 128;
  std::vector<int64_t> encoder_ch_mult = {1, 1, 2, 2, 4};
  std::vector<int64_t> decoder_ch_mult = {1, 1, 2, 2, 4};
  int64_t num_res_blocks = 2;
  int64_t z_channels = 256;
  double dropout_p = 0.0;
  int64_t resolution = 256;
  VqLossOptions loss;

  static void fields(auto& o, auto& field) {
    field("codebook_size", o.codebook_size, at_least(1), "code vectors");
    field("codebook_embed_dim", o.codebook_embed_dim, at_least(1), "width of a code vector");
    field("codebook_l2_norm", o.codebook_l2_norm, {}, "features and code vectors are normalised to length 1");
    field("commit_loss_beta", o.commit_loss_beta, at_least(0), "weight of the commitment loss");
    field("entropy_loss_ratio", o.entropy_loss_ratio, at_least(0),
          "weight of the entropy loss: sure of each code, all codes used alike");
    field("ch", o.ch, at_least(32), "channels of the finest level, a multiple of 32");
    field("encoder_ch_mult", o.encoder_ch_mult, nonempty(at_least(1)),
          "each level's channels in multiples of ch, finest first; four levels are 8 times down, five 16");
    field("decoder_ch_mult", o.decoder_ch_mult, nonempty(at_least(1)), "the decoder's, finest first");
    field("num_res_blocks", o.num_res_blocks, between(1, 1024), "residual blocks of an encoder's level");
    field("z_channels", o.z_channels, at_least(1), "channels between encoder and quantiser");
    field("dropout_p", o.dropout_p, from_below(0, 1), "dropout in the residual blocks in training");
    field("resolution", o.resolution, at_least(8), "side of the pictures that it is trained on");
    field("loss", o.loss, {}, "what training minimises besides the codebook's losses");
  }
  void check() const {
    require(ch % 32 == 0, "ch must be a multiple of 32 (group normalisation), got {}", ch);
    require(encoder_ch_mult.size() <= 8, "encoder_ch_mult has {} levels, at most 8 expected",
            encoder_ch_mult.size());
    require(encoder_ch_mult.size() == decoder_ch_mult.size(),
            "encoder_ch_mult has {} levels, decoder_ch_mult {}: expected as many", encoder_ch_mult.size(),
            decoder_ch_mult.size());
    require(resolution % downsampling() == 0, "resolution ({}) must be a multiple of {}", resolution,
            downsampling());
    const bool power = (resolution & (resolution - 1)) == 0 && resolution <= 1024;
    require(loss.disc_type != "stylegan" || power,
            "resolution ({}) must be a power of two, at most 1024, for loss.disc_type stylegan", resolution);
  }
  /// Options that concern its training, not the network.
  static std::vector<std::string> of_training() {
    return {"commit_loss_beta", "entropy_loss_ratio", "dropout_p", "resolution", "loss"};
  }
  /// Pixels of an image's side per token.
  int64_t downsampling() const { return int64_t{1} << (encoder_ch_mult.size() - 1); }
};

}  // namespace arzoo::image
