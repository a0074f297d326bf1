#pragma once

#include <cstdint>

#include "core/config.h"

namespace arzoo::forecast {

/// What a forecaster needs to know of the data: lengths in time steps, widths in variates. No torch in here.
struct SeriesShape {
  // A foreign config must not make us reserve more, nor sums of lengths overflow.
  static constexpr double kMostVariates = 1e6, kMostSteps = 1e7, kMostMarks = 64;

  int64_t seq_len = 96;    ///< L: steps of history that the encoder sees
  int64_t label_len = 48;  ///< known steps at the start of the decoder's input (Informer, Autoformer)
  int64_t pred_len = 96;   ///< S: steps to forecast
  int64_t enc_in = 1;      ///< C: variates in
  int64_t c_out = 1;       ///< variates out
  int64_t marks = 4;       ///< calendar features per step; 0 when the data has none
  int64_t known_in = 0;    ///< F: covariates that are known of the steps ahead too
  int64_t static_in = 0;   ///< G: numbers that are the same at every step of a series

  /// The lengths, which the "data" section of a config has as well.
  static void length_fields(auto& o, auto& field) {
    field("seq_len", o.seq_len, between(1, kMostSteps), "steps of history that the model sees");
    field("label_len", o.label_len, between(0, kMostSteps),
          "known steps at the start of the decoder's input");
    field("pred_len", o.pred_len, between(1, kMostSteps), "steps to forecast");
  }
  static void fields(auto& o, auto& field) {
    length_fields(o, field);
    field("enc_in", o.enc_in, between(1, kMostVariates), "number of input variates");
    field("c_out", o.c_out, between(1, kMostVariates), "number of output variates");
    field("marks", o.marks, between(0, kMostMarks), "number of calendar features per step, 0 for none");
    field("known_in", o.known_in, between(0, kMostVariates),
          "number of covariates that are known of the steps ahead");
    field("static_in", o.static_in, between(0, kMostVariates), "number of static covariates");
  }
  void check() const {
    require(label_len <= seq_len, "label_len ({}) must not exceed seq_len ({})", label_len, seq_len);
    require(c_out <= enc_in, "c_out ({}) must not exceed enc_in ({})", c_out, enc_in);
  }
};

}  // namespace arzoo::forecast
