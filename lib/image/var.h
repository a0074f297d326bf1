#pragma once

#include "image/vqvae.h"

namespace arzoo::image {

/// Training sub-networks along with the whole (VARiant, 2025): the coarse scales pass through all blocks, the
/// others of a sub-network's step through a nested subset of them.
struct SupernetOptions {
  std::vector<int64_t> depths;
  int64_t bridge_scales = 6;
  double subnet_rate = 0.2;
  int64_t joint_epochs = 5;
  int64_t growing_epochs = 15;

  static void fields(auto& o, auto& field) {
    field("depths", o.depths, at_least(1),
          "blocks of each sub-network; none: the whole network alone is trained");
    field("bridge_scales", o.bridge_scales, at_least(1), "coarse scales that pass through all blocks");
    field("subnet_rate", o.subnet_rate, between(0, 1), "share of a sub-network's steps in the first phase");
    field("joint_epochs", o.joint_epochs, at_least(0), "epochs of the first phase");
    field("growing_epochs", o.growing_epochs, at_least(0),
          "epochs in which that share grows to 1; then it stays at 1");
  }
  bool trained() const { return !depths.empty(); }
  /// The probability that a step of this epoch, counted from 0, is a sub-network's.
  double rate(int64_t epoch) const {
    if (epoch < joint_epochs) return subnet_rate;
    if (epoch >= joint_epochs + growing_epochs) return 1.0;
    const auto grown = static_cast<double>(epoch - joint_epochs) / static_cast<double>(growing_epochs);
    return subnet_rate + (1.0 - subnet_rate) * grown;
  }
};

/// How a VAR samples. A list has a value per scale; its last one stands for all scales after it.
struct VarGenerationOptions {
  double cfg = 1.5;
  std::vector<int64_t> top_k = {900};
  std::vector<double> top_p = {0.96};
  std::vector<double> temperature = {1.0};
  bool smooth = false;
  std::vector<int64_t> depth_schedule;
  std::vector<double> prune;

  static void fields(auto& o, auto& field) {
    field("cfg", o.cfg, at_least(0), "guidance scale at the last scale, growing linearly from 0; 0 for none");
    field("top_k", o.top_k, one_or_list(at_least(0)), "sample among the K most likely codes, 0 for all");
    field("top_p", o.top_p, one_or_list(between(0, 1)),
          "sample among the most likely codes that together have this probability, 0 for all");
    field("temperature", o.temperature, one_or_list(more_than(0)),
          "divides the logits: lower is more deterministic");
    field("smooth", o.smooth, {}, "mix codes instead of sampling one: smoother to look at, worse in FID");
    field("depth_schedule", o.depth_schedule, one_or_list(at_least(1)),
          "blocks that each scale passes through (VARiant): 4x2,2 is 4 for two scales, then 2");
    field("prune", o.prune, one_or_list(from_below(0, 1)),
          "share of each scale's tokens that the blocks skip (FastVAR), of late scales with little loss: "
          "0x8,0.5 is none of eight scales, then half");
  }
};

/// VAR (Tian et al., NeurIPS 2024): the tokens of one scale at once, from all coarser scales. Names are the
/// official class's; the defaults are VAR-d16's for 256 x 256 pixels.
struct VarOptions {
  using Generation = VarGenerationOptions;
  static constexpr std::string_view kName = "var";
  static constexpr std::string_view kPaper = "Tian et al., VAR, NeurIPS 2024";
  static constexpr std::string_view kGenerates = "generate-image";

  int64_t num_classes = 1000;
  int64_t depth = 16;
  int64_t embed_dim = 1024;
  int64_t num_heads = 16;
  double mlp_ratio = 4.0;
  double drop_path_rate = 0.1 * 16 / 24;
  double norm_eps = 1e-6;
  bool shared_aln = false;
  double cond_drop_rate = 0.1;
  bool attn_l2_norm = true;
  std::vector<int64_t> patch_nums = {1, 2, 3, 4, 5, 6, 8, 10, 13, 16};
  double label_smoothing = 0.0;
  double alng = 1e-5;
  SupernetOptions supernet;
  VqvaeOptions vae;

  static void fields(auto& o, auto& field) {
    field("num_classes", o.num_classes, at_least(1), "classes, without the null class");
    field("depth", o.depth, between(1, 1024), "transformer blocks");
    field("embed_dim", o.embed_dim, at_least(1), "width of a token, 64 * depth in the published models");
    field("num_heads", o.num_heads, at_least(1), "attention heads, depth in the published models");
    field("mlp_ratio", o.mlp_ratio, more_than(0),
          "width of the feed-forward layer in multiples of embed_dim");
    field("drop_path_rate", o.drop_path_rate, from_below(0, 1),
          "stochastic depth of the last block, 0.1 * depth / 24 in the published models");
    field("norm_eps", o.norm_eps, more_than(0), "added to the variance in layer normalisation");
    field("shared_aln", o.shared_aln, {}, "one map from the class to the modulation for all blocks");
    field("cond_drop_rate", o.cond_drop_rate, between(0, 1),
          "probability of training a sample without its class, for classifier-free guidance");
    field("attn_l2_norm", o.attn_l2_norm, {}, "cosine attention with a learned temperature per head");
    field("patch_nums", o.patch_nums, nonempty(at_least(1)), "side of each token map, coarse to fine");
    field("label_smoothing", o.label_smoothing, from_below(0, 1),
          "label smoothing of the cross-entropy in training");
    field("alng", o.alng, more_than(0), "factor on the initial weights that compute the blocks' gates");
    field("supernet", o.supernet, {}, "sub-networks to train as well, for --depth-schedule");
    field("vae", o.vae, {}, "the tokenizer, a model \"vqvae\"");
  }
  void check() const {
    require(embed_dim % num_heads == 0, "embed_dim ({}) must be a multiple of num_heads ({})", embed_dim,
            num_heads);
    require(patch_nums.size() >= 2, "patch_nums must have at least 2 scales, got {}", patch_nums.size());
    for (const int64_t used : supernet.depths)
      require(used <= depth, "supernet.depths: {} blocks, the model has {}", used, depth);
    require(!supernet.trained() || supernet.bridge_scales < static_cast<int64_t>(patch_nums.size()),
            "supernet.bridge_scales ({}) must leave a scale to the sub-networks, there are {}",
            supernet.bridge_scales, patch_nums.size());
  }
};

/// The names that the official optimiser does not decay, as patterns for TrainingOptions::no_weight_decay:
/// biases, position and level tables, the shared modulation's offsets and the temperatures.
inline std::vector<std::string> no_weight_decay_names() {
  return {"*bias", "*pos_1LC", "*pos_start", "*lvl_embed", "*ada_gss", "*scale_mul_1H11"};
}

}  // namespace arzoo::image
