#pragma once

#include <cmath>
#include <string>

#include "core/config.h"

namespace arzoo::nn {

/// How rotary frequencies are stretched: "rope_scaling" of a published config.json, under its names. No torch
/// in here.
struct RopeScalingOptions {
  std::string rope_type = "default";
  double factor = 1.0;
  int64_t original_max_position_embeddings = 0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  double beta_fast = 32.0;
  double beta_slow = 1.0;
  double attention_factor = 0.0;
  double mscale = 0.0;
  double mscale_all_dim = 0.0;
  bool truncate = true;

  static void fields(auto& o, auto& field) {
    field("rope_type", o.rope_type, one_of({"default", "linear", "dynamic", "llama3", "yarn"}),
          "default: none; linear: positions divided by factor; dynamic: a base that grows with the text "
          "beyond the "
          "trained length (NTK); llama3: slow frequencies divided by factor; yarn: the same by the turns "
          "within the "
          "trained length, with hotter attention");
    field("factor", o.factor, at_least(1), "how many times longer than it was trained for a text may be");
    field("original_max_position_embeddings", o.original_max_position_embeddings, at_least(0),
          "tokens that it was trained for; 0 for max_position_embeddings");
    field("low_freq_factor", o.low_freq_factor, more_than(0),
          "llama3: turns below which a frequency is divided");
    field("high_freq_factor", o.high_freq_factor, more_than(0), "llama3: turns above which it stays");
    field("beta_fast", o.beta_fast, more_than(0), "yarn: turns above which a frequency stays");
    field("beta_slow", o.beta_slow, more_than(0), "yarn: turns below which it is divided");
    field("attention_factor", o.attention_factor, at_least(0),
          "yarn: factor of the rotated queries and keys; 0 for 0.1 ln(factor) + 1");
    field("mscale", o.mscale, at_least(0), "yarn: with mscale_all_dim in place of the 0.1 above; 0 for none");
    field("mscale_all_dim", o.mscale_all_dim, at_least(0), "yarn: what mscale is divided by; 0 for none");
    field("truncate", o.truncate, {}, "yarn: the channels between which it blends are whole numbers");
  }
  void check() const {
    require(rope_type != "llama3" || high_freq_factor > low_freq_factor,
            "high_freq_factor ({}) must be above low_freq_factor ({})", high_freq_factor, low_freq_factor);
  }

  bool any() const { return rope_type != "default"; }
  /// Of yarn: what cosines and sines are multiplied by.
  double attention() const {
    if (rope_type != "yarn") return 1.0;
    if (attention_factor > 0) return attention_factor;
    const auto scale = [&](double m) { return factor <= 1.0 ? 1.0 : 0.1 * m * std::log(factor) + 1.0; };
    return mscale > 0 && mscale_all_dim > 0 ? scale(mscale) / scale(mscale_all_dim) : scale(1.0);
  }
};

}  // namespace arzoo::nn
