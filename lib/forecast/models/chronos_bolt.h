#pragma once

#include "core/config.h"
#include "forecast/models/chronos_names.h"
#include "forecast/series_shape.h"

namespace arzoo::forecast {

/// "chronos_config" of Chronos-Bolt's config.json.
struct ChronosBoltPatchOptions {
  int64_t context_length = 2048;
  int64_t prediction_length = 64;
  int64_t input_patch_size = 16;
  int64_t input_patch_stride = 16;
  std::vector<double> quantiles = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
  bool use_reg_token = true;

  static void fields(auto& o, auto& field) {
    constexpr double kMost = SeriesShape::kMostSteps;
    field("context_length", o.context_length, between(1, kMost), "steps of history that the model sees");
    field("prediction_length", o.prediction_length, between(1, kMost), "steps that one pass forecasts");
    field("input_patch_size", o.input_patch_size, between(1, kMost), "steps of a token");
    field("input_patch_stride", o.input_patch_stride, between(1, kMost), "steps between two tokens");
    field("quantiles", o.quantiles, nonempty(between(0, 1)), "levels that the model forecasts, ascending");
    field("use_reg_token", o.use_reg_token, {}, "a token after those of the history");
  }
  void check() const { check_quantile_levels(quantiles); }
};

/// Chronos-Bolt (Ansari et al., 2024; the successor of Chronos, TMLR 2024): a T5 encoder over patches of
/// history, whose decoder's only token holds the quantiles of all steps ahead. One series at a time. Names
/// are those of the official config.json, defaults those of amazon/chronos-bolt-small.
struct ChronosBoltOptions {
  static constexpr std::string_view kName = "chronos_bolt";
  static constexpr std::string_view kPaper = "Ansari et al., Chronos, TMLR 2024 (its successor Bolt)";
  static constexpr std::string_view kArchitecture = "ChronosBoltModelForForecasting";
  static constexpr bool kChannelIndependent = true;
  static constexpr bool has_own_loss() { return true; }

  int64_t d_model = 512;
  int64_t d_kv = 64;
  int64_t d_ff = 2048;
  int64_t num_layers = 6;
  int64_t num_heads = 8;
  int64_t num_decoder_layers = 6;
  std::string feed_forward_proj = "relu";
  double dropout_rate = 0.1;
  double layer_norm_epsilon = 1e-6;
  double initializer_factor = 0.05;
  int64_t relative_attention_num_buckets = 32;
  int64_t relative_attention_max_distance = 128;
  ChronosBoltPatchOptions chronos_config;

  static void fields(auto& o, auto& field) {
    constexpr double kMost = 1e5;
    chronos_layer_fields(o, field);
    field("num_decoder_layers", o.num_decoder_layers, between(1, kMost), "layers of the decoder");
    field("relative_attention_num_buckets", o.relative_attention_num_buckets, between(4, kMost),
          "distances between tokens that the encoder tells apart");
    field("relative_attention_max_distance", o.relative_attention_max_distance, between(2, 1e9),
          "distance from which on all are one");
    field("chronos_config", o.chronos_config, {}, "history, patches and quantiles");
  }
  void check() const {
    require(relative_attention_num_buckets % 2 == 0, "relative_attention_num_buckets ({}) must be even",
            relative_attention_num_buckets);
    require(
        relative_attention_max_distance > relative_attention_num_buckets / 4,
        "relative_attention_max_distance ({}) must exceed a quarter of relative_attention_num_buckets ({})",
        relative_attention_max_distance, relative_attention_num_buckets);
  }

  static bool describes(const std::string& name, const Config& official) {
    return name == kName || has_architecture(official, kArchitecture);
  }
  SeriesShape official_shape() const {
    return {.seq_len = chronos_config.context_length,
            .label_len = 0,
            .pred_len = chronos_config.prediction_length,
            .enc_in = 1,
            .c_out = 1,
            .marks = 0};
  }
};

}  // namespace arzoo::forecast
