#pragma once

#include "image/kl_vae.h"

namespace arzoo::image {

/// How a FlowAR samples.
struct FlowArGenerationOptions {
  double cfg = 4.3;
  int64_t steps = 25;
  std::string solver = "euler";
  double guidance = 0.9;
  double temperature = 1.0;

  static void fields(auto& o, auto& field) {
    field("cfg", o.cfg, at_least(0), "guidance scale at the last scale, growing linearly from 1; 1 for none");
    field("steps", o.steps, at_least(2), "steps of each scale's flow");
    field("solver", o.solver, one_of({"euler", "midpoint", "heun"}),
          "of the flow; midpoint and heun evaluate the network twice a step");
    field("guidance", o.guidance, between(0, 1), "latest time, 1 is noise, at which guidance is applied");
    field("temperature", o.temperature, more_than(0),
          "multiplies the noise that a scale begins with: lower is more deterministic");
  }
};

/// FlowAR (Ren et al., ICML 2025): scale-wise autoregression whose scales are drawn by flow matching. Names
/// are the official class's; the defaults are FlowAR-S's for 256 x 256 pixels.
struct FlowArOptions {
  using Generation = FlowArGenerationOptions;
  static constexpr std::string_view kName = "flowar";
  static constexpr std::string_view kPaper = "Ren et al., FlowAR, ICML 2025";
  static constexpr std::string_view kGenerates = "generate-image";

  int64_t class_num = 1000;
  int64_t encoder_embed_dim = 768;
  int64_t encoder_depth = 6;
  int64_t encoder_num_heads = 12;
  int64_t decoder_depth = 6;
  int64_t decoder_num_heads = 12;
  double mlp_ratio = 4.0;
  double label_drop_prob = 0.1;
  double attn_dropout = 0.1;
  double proj_dropout = 0.1;
  int64_t diffloss_d = 2;
  int64_t diffloss_w = 1024;
  std::vector<int64_t> scale = {1, 2, 4, 8, 16};
  bool cross = false;
  KlVaeOptions vae;

  static constexpr int64_t kFlowHeadWidth = 64;

  static void fields(auto& o, auto& field) {
    field("class_num", o.class_num, at_least(1), "classes, without the null class");
    field("encoder_embed_dim", o.encoder_embed_dim, at_least(1), "width of both halves of the transformer");
    field("encoder_depth", o.encoder_depth, between(1, 1024), "blocks of the first half");
    field("encoder_num_heads", o.encoder_num_heads, at_least(1), "attention heads of the first half");
    field("decoder_depth", o.decoder_depth, between(1, 1024), "blocks of the second half");
    field("decoder_num_heads", o.decoder_num_heads, at_least(1), "attention heads of the second half");
    field("mlp_ratio", o.mlp_ratio, more_than(0),
          "width of the feed-forward layer in multiples of 2/3 of the token's");
    field("label_drop_prob", o.label_drop_prob, between(0, 1),
          "probability of training a sample without its class, for classifier-free guidance");
    field("attn_dropout", o.attn_dropout, from_below(0, 1), "dropout of attention probabilities");
    field("proj_dropout", o.proj_dropout, from_below(0, 1), "dropout after the blocks' linear maps");
    field("diffloss_d", o.diffloss_d, at_least(1), "blocks of the flow network");
    field("diffloss_w", o.diffloss_w, at_least(64), "width of the flow network, a multiple of 64");
    field("scale", o.scale, nonempty(at_least(1)), "side of each scale in tokens, coarse to fine");
    field("cross", o.cross, {},
          "the flow network's blocks attend to the transformer's result as well (FlowAR-L and -H)");
    field("vae", o.vae, {}, "the tokenizer, a model \"kl_vae\"");
  }
  void check() const {
    for (const int64_t heads : {encoder_num_heads, decoder_num_heads}) {
      require(
          encoder_embed_dim % (4 * heads) == 0,
          "encoder_embed_dim ({}) must be a multiple of 4 times the {} attention heads (rotary positions)",
          encoder_embed_dim, heads);
    }
    require(diffloss_w % kFlowHeadWidth == 0, "diffloss_w must be a multiple of {}, got {}", kFlowHeadWidth,
            diffloss_w);
    require(scale.size() >= 2, "scale must have at least 2 scales, got {}", scale.size());
    for (std::size_t k = 1; k < scale.size(); ++k)
      require(scale[k] > scale[k - 1], "scale must grow, got {} after {}", scale[k], scale[k - 1]);
  }
  /// Pixels of an image's side.
  int64_t pixels() const { return scale.back() * vae.downsampling(); }
};

/// The names that the official optimiser does not decay, as patterns for TrainingOptions::no_weight_decay:
/// biases and norms.
inline std::vector<std::string> no_weight_decay_flowar_names() {
  return {"*bias", "z_proj_ln", "encoder_norm", "decoder_norm", "*norm2_1", "*norm2_2"};
}

}  // namespace arzoo::image
