#pragma once

#include "core/config.h"

namespace arzoo::image {

/// The KL-regularised autoencoder of latent diffusion (Rombach et al., CVPR 2022), the tokenizer of MAR and
/// FlowAR. Names are the official class's; the defaults are those of MAR's kl16.ckpt.
struct KlVaeOptions {
  static constexpr std::string_view kName = "kl_vae";
  static constexpr std::string_view kPaper = "Rombach et al., CVPR 2022 (KL-VAE of MAR and FlowAR)";

  int64_t embed_dim = 16;
  int64_t ch = 128;
  std::vector<int64_t> ch_mult = {1, 1, 2, 2, 4};
  int64_t num_res_blocks = 2;
  int64_t resolution = 256;
  double latent_scale = 0.2325;
  double kl_weight = 1e-6;
  double l1_weight = 0.0;

  static void fields(auto& o, auto& field) {
    field("embed_dim", o.embed_dim, at_least(1), "channels of a latent");
    field("ch", o.ch, at_least(32), "channels of the finest level, a multiple of 32");
    field("ch_mult", o.ch_mult, nonempty(at_least(1)),
          "each level's channels in multiples of ch, finest first");
    field("num_res_blocks", o.num_res_blocks, between(1, 1024), "residual blocks of an encoder's level");
    field("resolution", o.resolution, at_least(8), "side of the pictures that it is trained on");
    field("latent_scale", o.latent_scale, at_least(0),
          "factor from its latents to those that are generated; 0: measured when a generator's training "
          "begins, so that the latents of the training pictures have a standard deviation of 1");
    field("kl_weight", o.kl_weight, at_least(0),
          "weight of the KL divergence from the standard normal distribution in the training loss, summed "
          "over a latent and divided by the numbers of a picture");
    field("l1_weight", o.l1_weight, at_least(0),
          "weight of the mean absolute error in the training loss, added to the mean squared error");
  }
  void check() const {
    require(ch % 32 == 0, "ch must be a multiple of 32 (group normalisation), got {}", ch);
    require(ch_mult.size() <= 8, "ch_mult has {} levels, at most 8 expected", ch_mult.size());
    require(resolution % downsampling() == 0, "resolution ({}) must be a multiple of {}", resolution,
            downsampling());
  }
  /// Options that concern its training, not the network.
  static std::vector<std::string> of_training() {
    return {"resolution", "latent_scale", "kl_weight", "l1_weight"};
  }
  /// Pixels of an image's side per latent pixel.
  int64_t downsampling() const { return int64_t{1} << (ch_mult.size() - 1); }
};

}  // namespace arzoo::image
