#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/config.h"
#include "nn/decoder_options.h"

namespace arzoo::language {

/// The plain decoders: GPT-2 (Radford et al., 2019), LLaMA (Touvron et al., 2023), Qwen2 (Yang et al., 2024)
/// and GPT-NeoX (Black et al., 2022). Options are those of a published folder's config.json; where the
/// architectures call one differently, it has one name here, and published_decoder_options() knows the
/// others.
struct DecoderLmOptions {
  static constexpr std::string_view kName = "decoder_lm";
  static constexpr std::string_view kPaper = "GPT-2, LLaMA, Qwen2 and GPT-NeoX (transformers 4.39.3)";
  static constexpr std::string_view kGenerates = "generate-text score";

  std::string architecture = "gpt2";
  int64_t vocab_size = 257;
  int64_t hidden_size = 128;
  int64_t num_hidden_layers = 4;
  int64_t num_attention_heads = 4;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
  int64_t intermediate_size = 0;
  int64_t max_position_embeddings = 1024;
  std::string hidden_act = {};
  double norm_eps = 0.0;
  double rope_theta = 0.0;
  nn::RopeScalingOptions rope_scaling = {};
  double rotary_pct = 0.25;
  bool use_parallel_residual = true;
  std::optional<bool> attention_bias = {};
  bool mlp_bias = false;
  std::optional<bool> tie_word_embeddings = {};
  nn::ValueMemoryOptions value_memory = {};

  static void fields(auto& o, auto& field) {
    field("architecture", o.architecture, one_of({"gpt2", "llama", "qwen2", "gpt_neox"}),
          "which decoder; a published folder says it as model_type");
    field("vocab_size", o.vocab_size, between(2, 1 << 22), "ids of the embedding; 257 for bytes");
    field("hidden_size", o.hidden_size, formerly("n_embd", between(1, 65536)), "width of a token");
    field("num_hidden_layers", o.num_hidden_layers, formerly("n_layer", between(1, 1024)), "blocks");
    field("num_attention_heads", o.num_attention_heads, formerly("n_head", between(1, 1024)),
          "attention heads");
    field(
        "num_key_value_heads", o.num_key_value_heads, between(0, 1024),
        "heads of keys and values, each shared by a group of query heads; 0 for num_attention_heads (llama, "
        "qwen2)");
    field("head_dim", o.head_dim, between(0, 65536), "width of a head; 0 for hidden_size / heads");
    field("intermediate_size", o.intermediate_size, formerly("n_inner", between(0, 1048576)),
          "hidden width of the feed-forward layer; 0 for 4 hidden_size");
    field("max_position_embeddings", o.max_position_embeddings, formerly("n_positions", between(1, 1 << 24)),
          "tokens of a row: rows of the position table of gpt2, the trained length of the others");
    field("hidden_act", o.hidden_act, formerly("activation_function"),
          "activation: gelu_new, gelu, gelu_fast, relu, quick_gelu (gpt2, gpt_neox), silu (llama, qwen2); "
          "empty "
          "for the architecture's own");
    field("norm_eps", o.norm_eps, at_least(0), "added to the variance; 0 for the architecture's own");
    field("rope_theta", o.rope_theta, at_least(0),
          "base of the rotary frequencies; 0 for the architecture's own");
    field("rope_scaling", o.rope_scaling, {},
          "rotary positions beyond the trained length (llama, qwen2, gpt_neox)");
    field("rotary_pct", o.rotary_pct, between(0, 1), "share of a head that turns (gpt_neox)");
    field("use_parallel_residual", o.use_parallel_residual, {},
          "attention and feed-forward layer read the same tokens (gpt_neox)");
    field("attention_bias", o.attention_bias, {},
          "biases of the attention's maps; the architecture's own when not given");
    field("mlp_bias", o.mlp_bias, {}, "biases of the feed-forward layer (llama)");
    field("tie_word_embeddings", o.tie_word_embeddings, {},
          "the head is the embedding; the architecture's own when not given");
    field("value_memory", o.value_memory, {}, "value embeddings by token id (llama, qwen2, gpt_neox)");
  }
  void check() const {
    decoder().check();
    require(!value_memory.any() || !is_gpt2(), "value_memory of the kind {} does not go with gpt2",
            value_memory.kind);
    require(!rope_scaling.any() || !is_gpt2(), "rope_scaling {} does not go with gpt2",
            rope_scaling.rope_type);
    require(rope_scaling.rope_type != "dynamic" || decoder().rotary_width() > 2,
            "rope_scaling dynamic needs more than 2 rotary channels, got {}", decoder().rotary_width());
    const bool gated = is_llama();
    require(gated ? activation() == "silu" : activation() != "silu", "hidden_act {} does not go with {}",
            activation(), architecture);
    activation_name();
  }

  bool is_llama() const { return architecture == "llama" || architecture == "qwen2"; }
  bool is_gpt2() const { return architecture == "gpt2"; }
  bool tied() const { return tie_word_embeddings.value_or(is_gpt2()); }
  std::string activation() const {
    return !hidden_act.empty() ? hidden_act : is_gpt2() ? "gelu_new" : is_llama() ? "silu" : "gelu";
  }
  /// Under the name that nn::DecoderOptions has for it. Throws ConfigError.
  std::string activation_name() const {
    static const std::vector<std::pair<std::string, std::string>> names{
        {"gelu", "gelu"},           {"gelu_new", "gelu_tanh"}, {"gelu_pytorch_tanh", "gelu_tanh"},
        {"gelu_fast", "gelu_tanh"}, {"relu", "relu"},          {"quick_gelu", "quick_gelu"},
        {"relu2", "squared_relu"},  {"tanh", "tanh"},          {"silu", "gated"},
        {"swish", "gated"}};
    for (const auto& [known, own] : names) {
      if (known == activation()) return own;
    }
    throw ConfigError(fmt::format("hidden_act \"{}\" is not known", activation()));
  }
  bool has_attention_bias() const { return attention_bias.value_or(!is_llama()); }
  /// Of queries, keys and values; the map behind attention has one only where has_attention_bias().
  bool has_qkv_bias() const { return architecture == "qwen2" || has_attention_bias(); }

  nn::DecoderOptions decoder() const {
    nn::DecoderOptions o;
    o.n_embd = hidden_size;
    o.n_layer = num_hidden_layers;
    o.n_head = num_attention_heads;
    o.head_dim = head_dim;
    o.n_inner = intermediate_size;
    o.feed_forward = activation_name();
    o.layer_norm_epsilon = norm_eps > 0 ? norm_eps : is_llama() ? 1e-6 : 1e-5;
    if (is_gpt2()) return o;
    o.positions = "rotary";
    o.value_memory = value_memory;
    o.rope_theta = rope_theta > 0 ? rope_theta : architecture == "qwen2" ? 1e6 : 10000.0;
    o.rope_scaling = rope_scaling;
    if (o.rope_scaling.original_max_position_embeddings == 0)
      o.rope_scaling.original_max_position_embeddings = max_position_embeddings;
    if (is_llama()) {
      o.norm = "rms_norm";
      o.n_kv_head = num_key_value_heads;
    } else {
      o.residual = use_parallel_residual ? "parallel" : "pre_norm";
      o.rotary_part = rotary_pct;
      o.fused_by_head = true;
    }
    return o;
  }
};

/// Of a published folder's config.json, or of a case that has its keys: other architectures' names of the
/// options are known, what says nothing about the computation is passed over. Throws ConfigError for what the
/// decoder cannot do (other kinds of rope_scaling, sliding windows).
DecoderLmOptions published_decoder_options(const Config& config);

}  // namespace arzoo::language
