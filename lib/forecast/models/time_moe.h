#pragma once

#include <optional>

#include "core/config.h"
#include "forecast/series_shape.h"
#include "nn/decoder_options.h"

namespace arzoo::forecast {

/// Time-MoE (Shi et al., ICLR 2025): a decoder-only transformer over single time points with sparse experts,
/// pre-trained on many series, that forecasts any of them without training. Names are those of the official
/// config.json, defaults those of the published TimeMoE-50M.
struct TimeMoeOptions {
  static constexpr std::string_view kName = "time_moe";
  static constexpr std::string_view kPaper = "Shi et al., Time-MoE, ICLR 2025";
  static constexpr bool kChannelIndependent = true;
  static constexpr bool kForecastsAnySeries = true;

  int64_t input_size = 1;
  int64_t hidden_size = 384;
  int64_t intermediate_size = 1536;
  std::vector<int64_t> horizon_lengths = {1, 8, 32, 64};
  int64_t num_hidden_layers = 12;
  int64_t num_attention_heads = 12;
  std::optional<int64_t> num_key_value_heads;
  std::string hidden_act = "silu";
  int64_t num_experts = 8;
  int64_t num_experts_per_tok = 2;
  int64_t max_position_embeddings = 4096;
  double rope_theta = 10000.0;
  double rms_norm_eps = 1e-6;
  double initializer_range = 0.02;
  double attention_dropout = 0.0;
  bool use_dense = false;
  bool apply_aux_loss = true;
  double router_aux_loss_factor = 0.02;

  static constexpr bool has_own_loss() { return true; }
  int64_t key_value_heads() const { return num_key_value_heads.value_or(num_attention_heads); }
  int64_t head_dim() const { return hidden_size / num_attention_heads; }
  /// Hidden width of a routed expert; the shared one is intermediate_size wide.
  int64_t expert_width() const { return intermediate_size / num_experts_per_tok; }

  /// The shared decoder that it is.
  nn::DecoderOptions decoder() const {
    nn::DecoderOptions options;
    options.n_embd = hidden_size;
    options.n_layer = num_hidden_layers;
    options.n_head = num_attention_heads;
    options.n_kv_head = key_value_heads();
    options.n_inner = intermediate_size;
    options.feed_forward = use_dense ? "gated" : "experts";
    options.norm = "rms_norm";
    options.positions = "rotary";
    options.layer_norm_epsilon = rms_norm_eps;
    options.attention_dropout = attention_dropout;
    options.rope_theta = rope_theta;
    return options;
  }

  static void fields(auto& o, auto& field) {
    constexpr double kWidest = 1e6, kMost = 1e5;
    field("input_size", o.input_size, between(1, kMost), "numbers in a time point; forecasts need 1");
    field("hidden_size", o.hidden_size, between(2, kWidest), "width of a token");
    field("intermediate_size", o.intermediate_size, between(1, kWidest),
          "hidden width of the shared expert; a routed one has this divided by num_experts_per_tok");
    field("horizon_lengths", o.horizon_lengths, nonempty(between(1, SeriesShape::kMostSteps)),
          "steps that each head forecasts, ascending");
    field("num_hidden_layers", o.num_hidden_layers, between(1, kMost), "decoder layers");
    field("num_attention_heads", o.num_attention_heads, between(1, kMost), "attention heads");
    field("num_key_value_heads", o.num_key_value_heads, between(1, kMost),
          "heads of keys and values, shared by groups of query heads; null for as many as query heads");
    field("hidden_act", o.hidden_act, one_of({"silu"}), "activation of embedding and experts");
    field("num_experts", o.num_experts, between(1, kMost), "routed experts of a layer");
    field("num_experts_per_tok", o.num_experts_per_tok, between(1, kMost), "experts that a token visits");
    field("max_position_embeddings", o.max_position_embeddings, between(2, SeriesShape::kMostSteps),
          "intended length of history and horizon together; the model itself has no limit");
    field("rope_theta", o.rope_theta, more_than(0), "base of the rotary frequencies");
    field("rms_norm_eps", o.rms_norm_eps, more_than(0), "added to the mean square of a token");
    field("initializer_range", o.initializer_range, at_least(0), "standard deviation of the initial weights");
    field("attention_dropout", o.attention_dropout, from_below(0, 1),
          "probability of dropout on the attention in training");
    field("use_dense", o.use_dense, {}, "one expert that all tokens visit instead of the sparse experts");
    field("apply_aux_loss", o.apply_aux_loss, {},
          "train with the load-balancing loss; must be the opposite of use_dense");
    field("router_aux_loss_factor", o.router_aux_loss_factor, at_least(0), "weight of that loss");
  }
  void check() const {
    require(use_dense != apply_aux_loss, "exactly one of use_dense and apply_aux_loss must be true");
    require(hidden_size % num_attention_heads == 0 && head_dim() % 2 == 0,
            "hidden_size ({}) must be a multiple of num_attention_heads ({}), with an even quotient",
            hidden_size, num_attention_heads);
    require(num_attention_heads % key_value_heads() == 0,
            "num_attention_heads ({}) must be a multiple of num_key_value_heads ({})", num_attention_heads,
            key_value_heads());
    require(use_dense || num_experts_per_tok <= num_experts,
            "num_experts_per_tok ({}) must not exceed num_experts ({})", num_experts_per_tok, num_experts);
    require(use_dense || expert_width() >= 1,
            "intermediate_size ({}) must be at least num_experts_per_tok ({})", intermediate_size,
            num_experts_per_tok);
    for (std::size_t i = 1; i < horizon_lengths.size(); ++i) {
      require(horizon_lengths[i - 1] < horizon_lengths[i], "horizon_lengths must ascend, got {} after {}",
              horizon_lengths[i], horizon_lengths[i - 1]);
    }
  }

  /// Whether an official file of this name (its "model" or "model_type") is one of this model.
  static bool describes(const std::string& name, const Config&) {
    return name == kName || name == "timemoeforprediction";
  }
  /// What the official reader takes as well: a single horizon without its list.
  static Json normalised(const Config& official) {
    Json flat = official.json();
    if (flat.contains("horizon_lengths") && flat["horizon_lengths"].is_number_integer())
      flat["horizon_lengths"] = Json::array({flat["horizon_lengths"]});
    return flat;
  }
  /// An official file knows no window: as much history as the model is meant for, and by default as far
  /// ahead as one pass looks.
  SeriesShape official_shape() const {
    return {.seq_len = max_position_embeddings,
            .label_len = 0,
            .pred_len = horizon_lengths.back(),
            .enc_in = 1,
            .c_out = 1,
            .marks = 0};
  }
};

}  // namespace arzoo::forecast
