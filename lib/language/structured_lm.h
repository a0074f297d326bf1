#pragma once

#include <optional>
#include <string>

#include "nn/decoder_options.h"

namespace arzoo::language {

/// The position embedding of the official base model.
struct StructuredPositions {
  std::string name = "rope";
  bool rotary_interleaved = false;
  double rotary_base = 10000.0;
  std::optional<double> seq_len_interpolation_factor;

  static void fields(auto& o, auto& field) {
    field("name", o.name, one_of({"rope", "absolute"}),
          "rope: rotary; absolute: a learned table of max_position_embeddings rows");
    field("rotary_interleaved", o.rotary_interleaved, {}, "neighbouring channels turn together");
    field("rotary_base", o.rotary_base, more_than(1), "base of the frequencies");
    field("seq_len_interpolation_factor", o.seq_len_interpolation_factor, more_than(0),
          "what rotary positions are divided by");
  }
};

/// Self-guided training of the structured maps (Sec. 4 of the paper).
struct SelfGuidedOptions {
  bool enabled = false;
  std::string scheduler = "cosine";
  std::string mode = "fixedstep";
  double max_step_ratio = 0.5;
  bool reduce_flop = false;

  static void fields(auto& o, auto& field) {
    field("enabled", o.enabled, {}, "a dense map guides each structured one at first");
    field("scheduler", o.scheduler, one_of({"cosine", "linear"}), "how the guide's share falls from 1 to 0");
    field(
        "mode", o.mode, one_of({"fixedstep", "fixedflop"}),
        "fixedstep: max_step_ratio is of the run's steps; fixedflop: the run has the guided steps once more, "
        "max_step_ratio is of the rest");
    field("max_step_ratio", o.max_step_ratio, between(0, 1), "share of the training with a guide");
    field("reduce_flop", o.reduce_flop, {},
          "a pass uses a layer's guide only with the probability of its share, else the factors alone");
  }
  /// Of a run of so many steps.
  int64_t guided_steps(int64_t steps) const {
    const double share = mode == "fixedflop" ? max_step_ratio / (1.0 + max_step_ratio) : max_step_ratio;
    return static_cast<int64_t>(share * static_cast<double>(steps));
  }
};

/// How weights begin.
struct StructuredInit {
  std::string weight_init = "fixed";
  double initializer_range = 0.02;
  std::string post_init = "auto";

  static void fields(auto& o, auto& field) {
    field("weight_init", o.weight_init, one_of({"fixed", "xavier"}),
          "deviation of the structured maps' weights: initializer_range, or 1 / sqrt(in)");
    field("initializer_range", o.initializer_range, more_than(0), "deviation of normal weights");
    field(
        "post_init", o.post_init, one_of({"auto", "svd", "ortho", "none"}),
        "what the structured maps' factors become: the largest singular values of a dense weight (lowrank), "
        "orthonormal blocks (blockdense, blockshuffle), or as they are; auto: the method's own");
  }
};

/// A decoder with structured feed-forward layers (Wei et al., NeurIPS 2024; CLAIRE-Labo/StructuredFFN), under
/// the official options.
struct StructuredOptions {
  static constexpr std::string_view kName = "structured_lm";
  static constexpr std::string_view kPaper = "Wei et al., Structured Feedforward Layers, NeurIPS 2024";
  static constexpr std::string_view kGenerates = "generate-text score";

  std::string method = "lowrank";
  int64_t rank = 64;
  int64_t nblocks = 2;
  bool first_layer = true;
  int64_t vocab_size = 257;
  int64_t hidden_dim = 128;
  int64_t attn_dim = 128;
  int64_t ffn_dim = 512;
  int64_t num_q_heads = 4;
  int64_t num_kv_heads = 4;
  int64_t num_layers = 4;
  int64_t max_position_embeddings = 1024;
  bool tie_word_embeddings = true;
  std::string ln = "layernorm";
  std::string act = "gelu";
  bool bias = true;
  bool scale_attn_by_inverse_layer_idx = false;
  double embd_drop = 0.0;
  double hidden_drop = 0.0;
  StructuredPositions pos_emb = {};
  StructuredInit init = {};
  SelfGuidedOptions guide = {};

  static void fields(auto& o, auto& field) {
    field("method", o.method, one_of({"linear", "lowrank", "blockdense", "blockshuffle"}),
          "structure of the feed-forward layers' maps; linear: dense");
    field("rank", o.rank, at_least(1), "inner width of lowrank and blockdense");
    field("nblocks", o.nblocks, at_least(1), "blocks of blockdense and blockshuffle");
    field("first_layer", o.first_layer, {}, "the first layer's feed-forward maps are dense");
    field("vocab_size", o.vocab_size, between(2, 1 << 22), "ids of the embedding; 257 for bytes");
    field("hidden_dim", o.hidden_dim, between(1, 65536), "width of a token");
    field("attn_dim", o.attn_dim, between(1, 65536), "width of all query heads together");
    field("ffn_dim", o.ffn_dim, between(1, 1048576), "hidden width of the feed-forward layer");
    field("num_q_heads", o.num_q_heads, between(1, 1024), "attention heads");
    field("num_kv_heads", o.num_kv_heads, between(1, 1024), "heads of keys and values, shared by groups");
    field("num_layers", o.num_layers, between(1, 1024), "blocks");
    field("max_position_embeddings", o.max_position_embeddings, between(1, 1 << 24), "trained length");
    field("tie_word_embeddings", o.tie_word_embeddings, {}, "the head is the embedding");
    field("ln", o.ln, one_of({"layernorm", "rmsnorm"}), "normalisation");
    field("act", o.act, one_of({"gelu", "swiglu", "relu"}), "activation of the feed-forward layer");
    field("bias", o.bias, {}, "linear maps and layer normalisation have a bias");
    field("scale_attn_by_inverse_layer_idx", o.scale_attn_by_inverse_layer_idx, {},
          "scores of layer i are divided by i + 1");
    field("embd_drop", o.embd_drop, from_below(0, 1), "dropout of the embedded tokens");
    field("hidden_drop", o.hidden_drop, from_below(0, 1), "dropout of what each branch adds");
    field("pos_emb", o.pos_emb, {}, "position embedding");
    field("init", o.init, {}, "how weights begin");
    field("guide", o.guide, {}, "self-guided training");
  }
  void check() const {
    require(attn_dim % num_q_heads == 0, "attn_dim ({}) must be a multiple of num_q_heads ({})", attn_dim,
            num_q_heads);
    decoder().check();
    if (method == "linear") return;
    check_map(hidden_dim, up_width());
    check_map(ffn_dim, hidden_dim);
  }
  std::string post_init() const {
    return init.post_init != "auto" ? init.post_init : method == "lowrank" ? "svd" : "ortho";
  }
  /// Of the first feed-forward map: gate and hidden units together in swiglu.
  int64_t up_width() const { return act == "swiglu" ? 2 * ffn_dim : ffn_dim; }

  nn::DecoderOptions decoder() const {
    nn::DecoderOptions o;
    o.n_embd = hidden_dim;
    o.n_layer = num_layers;
    o.n_head = num_q_heads;
    o.n_kv_head = num_kv_heads;
    o.head_dim = attn_dim / num_q_heads;
    o.n_inner = ffn_dim;
    o.feed_forward = act == "gelu" ? "gelu_tanh" : act == "swiglu" ? "gated_halves" : act;
    o.norm = ln == "layernorm" ? "layer_norm" : "rms_norm";
    o.positions = pos_emb.name == "rope" ? "rotary" : "learned";
    o.rope_theta = pos_emb.rotary_base;
    o.rope_interleaved = pos_emb.rotary_interleaved;
    o.bias = bias;
    return o;
  }

 private:
  void check_map(int64_t in, int64_t out) const {
    const bool low = method == "lowrank";
    require(!low || rank <= std::min(in, out), "rank ({}) must be at most {}", rank, std::min(in, out));
    require(low || in % nblocks == 0, "nblocks ({}) must divide {}", nblocks, in);
    require(method != "blockshuffle" || out % nblocks == 0, "nblocks ({}) must divide {}", nblocks, out);
    require(method != "blockdense" || rank % nblocks == 0, "rank ({}) must be a multiple of nblocks ({})",
            rank, nblocks);
  }
};

}  // namespace arzoo::language
