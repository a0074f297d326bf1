#pragma once

#include "core/config.h"

namespace arzoo::forecast {

/// What all Informers have. Names and defaults are the official scripts'.
struct InformerBase {
  static constexpr bool kTakesCovariates = true;

  int64_t d_model = 512;
  int64_t n_heads = 8;
  int64_t d_layers = 1;
  int64_t d_ff = 2048;
  int64_t factor = 5;
  bool distil = true;
  double dropout = 0.05;
  std::string activation = "gelu";
  std::string embed = "timeF";
  bool resample = false;

  static void base_fields(auto& o, auto& field) {
    field("d_model", o.d_model, at_least(2), "width of a step, even");
    field("n_heads", o.n_heads, at_least(1), "attention heads");
    field("d_layers", o.d_layers, between(1, 1024), "decoder layers");
    field("d_ff", o.d_ff, at_least(1), "width of the feed-forward layer");
    field("factor", o.factor, at_least(1),
          "factor * ceil(ln L) queries are selected, on as many sampled keys each");
    field("distil", o.distil, {}, "halve the series between encoder layers");
    field("dropout", o.dropout, from_below(0, 1), "probability of dropout in training");
    field("activation", o.activation, one_of({"gelu", "relu"}), "activation of the feed-forward layer");
    field(
        "embed", o.embed, one_of({"timeF", "fixed", "learned"}),
        "calendar features: a linear map of values (data.timeenc 1), or tables of integer codes (timeenc 0)");
    field("resample", o.resample, {},
          "sample keys anew in each evaluation too, as the official code, whose forecasts of one window "
          "differ");
  }
  void check() const {
    require(d_model >= n_heads, "d_model ({}) must be at least n_heads ({})", d_model, n_heads);
    require(d_model % 2 == 0, "d_model must be even, got {}", d_model);
  }
};

/// What Informer and InformerStack (zhouhaoyi/Informer2020) have besides.
struct Informer2020Base : InformerBase {
  std::string attn = "prob";
  bool mix = true;
  int64_t padding = 0;

  static void informer2020_fields(auto& o, auto& field) {
    field("attn", o.attn, one_of({"prob", "full"}), "attention of the encoder and of the decoder to itself");
    field("mix", o.mix, {},
          "read the decoder's own attention heads first, steps second (the paper's weights do)");
    field("padding", o.padding, between(0, 1), "value of the decoder's input for the steps to forecast");
    base_fields(o, field);
  }
};

/// Informer (Zhou et al., AAAI 2021), as in zhouhaoyi/Informer2020.
struct InformerOptions : Informer2020Base {
  static constexpr std::string_view kName = "informer";
  static constexpr std::string_view kPaper = "Zhou et al., Informer, AAAI 2021";

  int64_t e_layers = 2;

  static void fields(auto& o, auto& field) {
    field("e_layers", o.e_layers, between(1, 1024), "encoder layers");
    informer2020_fields(o, field);
  }
  /// Whether the flat config of an official checkpoint describes this model; `name` is its lower-case name.
  static bool describes(const std::string& name, const Config& flat) {
    return name == kName && !flat.has("task_name");
  }
};

/// Informer whose encoder is several ones of falling depth, each on the last half of what the one before saw
/// (Zhou et al. 2021, Sec. 3.2, the stacked replicas).
struct InformerStackOptions : Informer2020Base {
  static constexpr std::string_view kName = "informerstack";
  static constexpr std::string_view kPaper = "Zhou et al., Informer, AAAI 2021";

  std::vector<int64_t> s_layers = {3, 2, 1};

  static void fields(auto& o, auto& field) {
    field("s_layers", o.s_layers, nonempty(between(1, 1024)), "layers of each encoder");
    informer2020_fields(o, field);
  }
};

/// The Informer of the Time-Series-Library (and of the Autoformer and iTransformer papers' tables), another
/// network of the same name: no biases in the embedding, distilling that pads by two, ProbSparse attention to
/// the encoder as well, and heads and steps mixed in every attention. Its weights do not fit the original.
///
/// With one head and more than one window the library's attention confuses the windows' queries; here each
/// window keeps its own, as with any other number of heads.
struct InformerTslibOptions : InformerBase {
  static constexpr std::string_view kName = "informer_tslib";
  static constexpr std::string_view kPaper = "Zhou et al., Informer, AAAI 2021 (Time-Series-Library)";

  int64_t e_layers = 2;

  InformerTslibOptions() {
    factor = 1;
    dropout = 0.1;
  }
  static void fields(auto& o, auto& field) {
    field("e_layers", o.e_layers, between(1, 1024), "encoder layers");
    base_fields(o, field);
  }
  static bool describes(const std::string& name, const Config& flat) {
    return name == kName || (name == "informer" && flat.has("task_name"));
  }
};

}  // namespace arzoo::forecast
