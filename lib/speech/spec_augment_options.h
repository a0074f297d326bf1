#pragma once

#include "core/config.h"

namespace arzoo::speech {

/// "specaug_conf": masks over training features (Park et al., SpecAugment, Interspeech 2019, in the form of
/// FunASR's SpecAugLFR).
struct SpecAugmentOptions {
  int64_t num_freq_mask = 0;
  std::vector<int64_t> freq_mask_width_range = {0, 30};
  int64_t lfr_rate = 6;
  int64_t num_time_mask = 0;
  std::vector<int64_t> time_mask_width_range = {0, 12};

  static void fields(auto& o, auto& field) {
    field("num_freq_mask", o.num_freq_mask, between(0, 100), "masks over filters; 0 for none");
    field("freq_mask_width_range", o.freq_mask_width_range, between(0, 1 << 16),
          "filters of a mask: at least the first, fewer than the second");
    field("lfr_rate", o.lfr_rate, between(0, 63), "stacked frames but one: each gets the same mask");
    field("num_time_mask", o.num_time_mask, between(0, 100), "masks over frames; 0 for none");
    field("time_mask_width_range", o.time_mask_width_range, between(0, 1 << 16),
          "frames of a mask, likewise");
  }
  void check() const {
    for (const auto* range : {&freq_mask_width_range, &time_mask_width_range})
      require(range->size() == 2 && (*range)[0] < (*range)[1],
              "a mask's width range must be two growing numbers");
  }
  bool any() const { return num_freq_mask > 0 || num_time_mask > 0; }
};

}  // namespace arzoo::speech
