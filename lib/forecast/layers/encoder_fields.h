#pragma once

#include "core/config.h"

namespace arzoo::forecast {

/// The fields that the encoders of one kind of token share, behind those of the token. No torch in here.
void encoder_fields(auto& o, auto& field) {
  field("n_heads", o.n_heads, at_least(1), "attention heads");
  field("e_layers", o.e_layers, between(1, 1024), "encoder layers");
  field("d_ff", o.d_ff, at_least(1), "width of the feed-forward layer");
  field("dropout", o.dropout, from_below(0, 1), "probability of dropout in training");
}

/// Those of an encoder among variates (iTransformer's, and TimeXer's after it).
void variate_encoder_fields(auto& o, auto& field) {
  encoder_fields(o, field);
  field("activation", o.activation, one_of({"gelu", "relu"}), "activation of the feed-forward layer");
  field("use_norm", o.use_norm, {},
        "normalise each window and invert this on the forecast (non-stationary trick)");
}

}  // namespace arzoo::forecast
