#pragma once

#include "core/config.h"
#include "forecast/series_shape.h"

namespace arzoo::forecast {

/// Ti-MAE (Li et al., arXiv 2301.08871): a masked autoencoder of time steps. Training hides a share of the
/// steps of history and future together and reconstructs them; a forecast is the reconstruction of a hidden
/// future.
///
/// There is no official code: this follows the paper's text. From the paper: the convolution, the sinusoidal
/// positions, the number, heads and pre-norm form of the blocks, the widths 64 and 32, a random quarter
/// visible per sample, the encoder that sees visible steps alone, the zero-initialised mask token, positions
/// again before the decoder, the error on masked steps alone, dropout 0.1, Xavier's initialisation. Not
/// stated there, decided here: the width of the feed-forward layers (4 times the token), their activation
/// (GELU), a norm after encoder and decoder (as MAE), hidden steps are zeros for the convolution (else their
/// neighbours would show them), and the regressor's form.
///
/// head "linear" is the fine-tuned form: encoder and a linear regressor, one map over time and one over the
/// width. Train it with "training.init_from" the folder last/ of a reconstruction run (the encoder gains from
/// all epochs, the forecasts that choose the run's best model do not), "init_except": ["regressor",
/// "mask_token", "decoder", "decoder_embedding", "decoder_norm", "projection"] and, to freeze the encoder as
/// in the paper, "trainable": ["regressor"].
struct TiMaeOptions {
  static constexpr std::string_view kName = "timae";
  static constexpr std::string_view kPaper = "Li et al., Ti-MAE, arXiv 2301.08871";

  std::string head = "reconstruction";
  double mask_ratio = 0.75;
  int64_t d_model = 64;
  int64_t n_heads = 4;
  int64_t e_layers = 2;
  int64_t d_ff = 256;
  int64_t decoder_d_model = 32;
  int64_t decoder_n_heads = 4;
  int64_t d_layers = 2;
  int64_t decoder_d_ff = 128;
  double dropout = 0.1;

  /// Reconstruction of masked steps; the fine-tuned form is trained like other forecasters.
  bool has_own_loss() const { return head != "linear"; }

  static void fields(auto& o, auto& field) {
    field("head", o.head, one_of({"reconstruction", "linear"}),
          "reconstruction: masked autoencoder, forecasts by masking the future; linear: encoder and a linear "
          "regressor");
    field("mask_ratio", o.mask_ratio, from_below(0, 1), "share of the steps that is masked in training");
    field("d_model", o.d_model, at_least(2), "width of an encoder token; even, and a multiple of n_heads");
    field("n_heads", o.n_heads, at_least(1), "attention heads of the encoder");
    field("e_layers", o.e_layers, between(1, 1024), "encoder layers");
    field("d_ff", o.d_ff, at_least(1), "width of the encoder's feed-forward layer");
    field("decoder_d_model", o.decoder_d_model, at_least(2),
          "width of a decoder token; even, and a multiple of decoder_n_heads");
    field("decoder_n_heads", o.decoder_n_heads, at_least(1), "attention heads of the decoder");
    field("d_layers", o.d_layers, between(1, 1024), "decoder layers");
    field("decoder_d_ff", o.decoder_d_ff, at_least(1), "width of the decoder's feed-forward layer");
    field("dropout", o.dropout, from_below(0, 1), "probability of dropout in training");
  }
  void check() const {
    require(mask_ratio > 0, "mask_ratio must be in (0, 1), got 0");
    require(d_model % n_heads == 0 && d_model % 2 == 0,
            "d_model ({}) must be even and a multiple of n_heads ({})", d_model, n_heads);
    require(decoder_d_model % decoder_n_heads == 0 && decoder_d_model % 2 == 0,
            "decoder_d_model ({}) must be even and a multiple of decoder_n_heads ({})", decoder_d_model,
            decoder_n_heads);
  }
  void check_shape(const SeriesShape& shape) const {
    require(shape.c_out == shape.enc_in, "{} reconstructs every variate, so data.features must be M or S",
            kName);
  }
};

}  // namespace arzoo::forecast
