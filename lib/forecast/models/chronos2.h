#pragma once

#include <cmath>
#include <optional>

#include "core/config.h"
#include "forecast/models/chronos_names.h"
#include "forecast/series_shape.h"

namespace arzoo::forecast {

/// "chronos_config" of Chronos-2's config.json.
struct Chronos2PatchOptions {
  int64_t context_length = 8192;
  int64_t input_patch_size = 16;
  int64_t input_patch_stride = 16;
  int64_t output_patch_size = 16;
  int64_t max_output_patches = 64;
  std::vector<double> quantiles = {0.01, 0.05, 0.1,  0.15, 0.2,  0.25, 0.3,  0.35, 0.4,  0.45, 0.5,
                                   0.55, 0.6,  0.65, 0.7,  0.75, 0.8,  0.85, 0.9,  0.95, 0.99};
  bool use_reg_token = true;
  bool use_arcsinh = true;
  std::optional<int64_t> time_encoding_scale;

  int64_t time_scale() const { return time_encoding_scale.value_or(context_length); }

  static void fields(auto& o, auto& field) {
    constexpr double kMost = SeriesShape::kMostSteps;
    field("context_length", o.context_length, between(1, kMost), "steps of history that the model sees");
    field("input_patch_size", o.input_patch_size, between(1, kMost), "steps of a token of history");
    field("input_patch_stride", o.input_patch_stride, between(1, kMost), "must be input_patch_size");
    field("output_patch_size", o.output_patch_size, between(1, kMost), "must be input_patch_size");
    field("max_output_patches", o.max_output_patches, between(1, kMost), "patches that one pass forecasts");
    field("quantiles", o.quantiles, nonempty(between(0, 1)), "levels that the model forecasts, ascending");
    field("use_reg_token", o.use_reg_token, {}, "a token between history and future; must be true");
    field("use_arcsinh", o.use_arcsinh, {}, "take asinh of standardised values");
    field("time_encoding_scale", o.time_encoding_scale, between(1, kMost),
          "steps that the time feature counts as 1; null for context_length");
  }
  void check() const {
    require(input_patch_size == output_patch_size && input_patch_stride == input_patch_size,
            "input_patch_size ({}), input_patch_stride ({}) and output_patch_size ({}) must be equal",
            input_patch_size, input_patch_stride, output_patch_size);
    require(use_reg_token, "use_reg_token must be true: the official code does not run without it");
    check_quantile_levels(quantiles);
  }
};

/// Chronos-2 (Ansari et al., Chronos-2: From Univariate to Universal Forecasting, arXiv 2510.15821, 2025): an
/// encoder over patches of history and future whose attention alternates between the patches of a series and
/// the series of a group, so that targets, covariates and other series inform each other without training.
/// Names are those of the official config.json, defaults those of amazon/chronos-2.
struct Chronos2Options {
  static constexpr std::string_view kName = "chronos2";
  static constexpr std::string_view kPaper = "Ansari et al., Chronos-2, arXiv 2510.15821";
  static constexpr std::string_view kArchitecture = "Chronos2Model";
  static constexpr bool kTakesCovariates = true;
  static constexpr bool kCutsAtRandom = true;
  static constexpr bool has_own_loss() { return true; }

  int64_t d_model = 768;
  int64_t d_kv = 64;
  int64_t d_ff = 3072;
  int64_t num_layers = 12;
  int64_t num_heads = 12;
  std::string feed_forward_proj = "relu";
  double dropout_rate = 0.1;
  double layer_norm_epsilon = 1e-6;
  double rope_theta = 10000.0;
  double initializer_factor = 0.05;
  Chronos2PatchOptions chronos_config;

  static void fields(auto& o, auto& field) {
    chronos_layer_fields(o, field);
    field("rope_theta", o.rope_theta, more_than(0), "base of the rotary frequencies");
    field("chronos_config", o.chronos_config, {}, "history, patches and quantiles");
  }
  void check() const { require(d_kv % 2 == 0, "d_kv ({}) must be even", d_kv); }
  void check_shape(const SeriesShape& shape) const {
    require(shape.static_in == 0,
            "static_covariates mean nothing to the model, whose groups are of one series");
  }

  static bool describes(const std::string& name, const Config& official) {
    return name == kName || has_architecture(official, kArchitecture);
  }
  SeriesShape official_shape() const {
    return {.seq_len = chronos_config.context_length,
            .label_len = 0,
            .pred_len = chronos_config.max_output_patches * chronos_config.output_patch_size,
            .enc_in = 1,
            .c_out = 1,
            .marks = 0};
  }
};

}  // namespace arzoo::forecast
