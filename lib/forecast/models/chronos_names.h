#pragma once

#include "core/config.h"

/// What the option structs of the Chronos models share. No torch in here.
namespace arzoo::forecast {

/// Whether an official config.json lists this class among its "architectures".
inline bool has_architecture(const Config& official, std::string_view name) {
  if (!official.has("architectures") || !official.json().at("architectures").is_array()) return false;
  for (const auto& entry : official.json().at("architectures")) {
    if (entry.is_string() && entry.get_ref<const std::string&>() == name) return true;
  }
  return false;
}

/// Fields of T5's config.json that both models have.
void chronos_layer_fields(auto& o, auto& field) {
  constexpr double kWidest = 1e6, kMost = 1e5;
  field("d_model", o.d_model, between(1, kWidest), "width of a token");
  field("d_kv", o.d_kv, between(1, kWidest), "size of an attention head");
  field("d_ff", o.d_ff, between(1, kWidest), "hidden width of the feed-forward layers");
  field("num_layers", o.num_layers, between(1, kMost), "layers of the encoder");
  field("num_heads", o.num_heads, between(1, kMost), "attention heads");
  field("feed_forward_proj", o.feed_forward_proj, one_of({"relu", "gelu", "gelu_new", "silu"}),
        "activation of the feed-forward layers; gated ones are not supported");
  field("dropout_rate", o.dropout_rate, from_below(0, 1), "probability of dropout in training");
  field("layer_norm_epsilon", o.layer_norm_epsilon, more_than(0), "added to the mean square of a token");
  field("initializer_factor", o.initializer_factor, more_than(0), "scale of the initial weights");
}

/// Throws ConfigError unless the levels ascend within (0, 1).
inline void check_quantile_levels(const std::vector<double>& levels) {
  double before = 0.0;
  for (const double level : levels) {
    require(level > before && level < 1.0, "quantiles must ascend within (0, 1), got {} after {}", level,
            before);
    before = level;
  }
}

}  // namespace arzoo::forecast
