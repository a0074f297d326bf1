#pragma once

#include "core/config.h"
#include "nn/rope_scaling_options.h"
#include "nn/value_memory_options.h"

namespace arzoo::nn {

/// What a decoder-only transformer is made of, under GPT-2's names. No torch in here.
///
/// Those below the fields are set by models whose own options say the same under other names. So are more
/// kinds: feed_forward "squared_relu", "quick_gelu", "gated_halves" and "experts"; norm "primer_norm";
/// residual "parallel": x
/// + f(norm_1(x)) + g(norm_2(x)), "primer": x + f(norm_1(x)), then x + norm_2(g(x)); positions
/// "relative_bias".
struct DecoderOptions {
  int64_t n_embd = 256;
  int64_t n_layer = 12;
  int64_t n_head = 8;
  int64_t head_dim = 0;
  int64_t n_inner = 0;
  std::string attention = "softmax";
  std::string feed_forward = "gelu_tanh";
  std::string norm = "layer_norm";
  std::string residual = "pre_norm";
  std::string positions = "learned";
  double layer_norm_epsilon = 1e-5;
  bool bias = true;

  int64_t n_kv_head = 0;           ///< heads of keys and values, shared by groups of query heads; 0: n_head
  bool fused_by_head = false;      ///< one map holds q, k and v of the first head, then of the second
  double attention_dropout = 0.0;  ///< on the probabilities in training
  double dropout = 0.0;            ///< in training, on each branch and on the hidden layer
  double rope_theta = 10000.0;     ///< base of the rotary frequencies
  double rotary_part = 1.0;        ///< share of a head's channels, the first ones, that turn
  RopeScalingOptions rope_scaling = {};  ///< beyond the trained length
  bool rope_interleaved = false;         ///< as RopeAngles::interleaved
  ValueMemoryOptions value_memory = {};  ///< of token ids
  double attention_scale = 0.0;          ///< of the scores; 0: 1 / sqrt(head_dim)
  int64_t relative_buckets = 32;         ///< of a relative bias (nn/relative_bias.h)
  int64_t relative_distance = 128;       ///< from which on distances share the last bucket

  static void fields(auto& o, auto& field) {
    field("n_embd", o.n_embd, between(1, 65536), "width of a token");
    field("n_layer", o.n_layer, between(1, 1024), "blocks");
    field("n_head", o.n_head, between(1, 1024), "attention heads");
    field("head_dim", o.head_dim, between(0, 65536), "width of a head; 0 for n_embd / n_head");
    field("n_inner", o.n_inner, between(0, 1048576),
          "hidden width of the feed-forward layer; 0 for 4 n_embd");
    field("attention", o.attention, one_of({"softmax", "linear", "mesa"}),
          "how a token mixes what it sees: softmax; linear: by the bare products of query and key; mesa: by "
          "the ridge regression of all keys on all values so far");
    field("feed_forward", o.feed_forward,
          one_of({"none", "gelu", "gelu_tanh", "relu", "tanh", "softplus", "sofu", "gated"}),
          "activation of the feed-forward layer; sofu: softmax(x) x; gated: SwiGLU; none: attention alone");
    field("norm", o.norm, one_of({"none", "layer_norm", "rms_norm"}), "normalisation, and of the output");
    field("residual", o.residual, one_of({"pre_norm", "normalised", "beside"}),
          "what a branch is added to: pre_norm: x + f(norm(x)); normalised: norm(x) + f(norm(x)); beside: "
          "norm(x) + f(x)");
    field("positions", o.positions, one_of({"none", "learned", "sinusoidal", "rotary"}),
          "kind of position embedding");
    field("layer_norm_epsilon", o.layer_norm_epsilon, more_than(0), "added to the variance in normalisation");
    field("bias", o.bias, {}, "linear maps and layer normalisation have a bias");
  }
  void check() const {
    require(head_dim > 0 || n_embd % n_head == 0, "n_embd ({}) must be a multiple of n_head ({})", n_embd,
            n_head);
    require(n_head % kv_heads() == 0, "n_head ({}) must be a multiple of n_kv_head ({})", n_head, kv_heads());
    require(positions != "rotary" || head_width() % 2 == 0, "rotary positions need an even head_dim, got {}",
            head_width());
    require(positions != "sinusoidal" || n_embd % 2 == 0, "sinusoidal positions need an even n_embd, got {}",
            n_embd);
  }

  int64_t kv_heads() const { return n_kv_head > 0 ? n_kv_head : n_head; }
  /// Channels of a head that turn.
  int64_t rotary_width() const {
    return static_cast<int64_t>(static_cast<double>(head_width()) * rotary_part) / 2 * 2;
  }
  int64_t head_width() const { return head_dim > 0 ? head_dim : n_embd / n_head; }
  int64_t hidden_width() const { return n_inner > 0 ? n_inner : 4 * n_embd; }
};

}  // namespace arzoo::nn
