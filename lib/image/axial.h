#pragma once

#include "core/config.h"

namespace arzoo::image {

/// How an Axial Transformer samples.
struct AxialGenerationOptions {
  double temperature = 1.0;
  int64_t top_k = 0;
  double top_p = 0.0;

  static void fields(auto& o, auto& field) {
    field("temperature", o.temperature, more_than(0), "divides the logits: lower is more deterministic");
    field("top_k", o.top_k, at_least(0), "sample among the K most likely levels, 0 for all");
    field("top_p", o.top_p, between(0, 1),
          "sample among the most likely levels that together have this probability, 0 for all");
  }
};

/// The Axial Transformer (Ho et al., arXiv 1912.12180): an exact likelihood of pixels by attention along one
/// axis at a time. Names are the official configs'; the defaults are ImageNet-32's.
struct AxialOptions {
  using Generation = AxialGenerationOptions;
  static constexpr std::string_view kName = "axial";
  static constexpr std::string_view kPaper =
      "Ho et al., Axial Attention in Multidimensional Transformers, 2019";
  static constexpr std::string_view kGenerates = "generate-image score";

  int64_t img_height = 32;
  int64_t img_width = 32;
  int64_t img_channels = 3;
  int64_t num_embs = 256;
  int64_t emb_dim = 1536;
  int64_t num_heads = 16;
  int64_t hdim_factor = 1;
  int64_t num_exterior_layers = 8;
  int64_t num_outer_layers = 8;
  int64_t num_inner_layers = 8;
  double dropout = 0.04;
  double res_init_scale = 1e-10;
  double emb_init_scale = 5.0;
  double logits_init_scale = 1e-10;
  std::string channels = "sliced";
  std::string attention = "axial";
  int64_t class_num = 0;
  double label_drop_prob = 0.1;

  static void fields(auto& o, auto& field) {
    field("img_height", o.img_height, between(1, 4096), "pixels of a column");
    field("img_width", o.img_width, between(1, 4096), "pixels of a row");
    field("img_channels", o.img_channels, between(1, 64), "1 for grey pictures, 3 for colour");
    field("num_embs", o.num_embs, between(2, 65536),
          "levels of a channel; an 8-bit value v is level floor(v * num_embs / 256)");
    field("emb_dim", o.emb_dim, at_least(1), "width of a pixel");
    field("num_heads", o.num_heads, at_least(1), "attention heads");
    field("hdim_factor", o.hdim_factor, at_least(1),
          "width of the feed-forward layer in multiples of emb_dim");
    field(
        "num_exterior_layers", o.num_exterior_layers, between(0, 1024),
        "blocks that read the channels before a channel, rows and columns in turn; of sliced channels only");
    field("num_outer_layers", o.num_outer_layers, between(0, 1024),
          "blocks that read the rows above, rows and columns in turn; of axial attention only");
    field("num_inner_layers", o.num_inner_layers, between(1, 1024), "blocks that read the pixels before one");
    field("dropout", o.dropout, from_below(0, 1), "dropout of each branch in training");
    field("res_init_scale", o.res_init_scale, at_least(0),
          "variance scale of the maps that end a branch, at the start");
    field("emb_init_scale", o.emb_init_scale, at_least(0), "scale of the embedding tables at the start");
    field("logits_init_scale", o.logits_init_scale, at_least(0),
          "variance scale of the map to the logits, at the start");
    field("channels", o.channels, one_of({"sliced", "stacked"}),
          "several channels: sliced, one after the other given those before; stacked, as one tall picture");
    field("attention", o.attention, one_of({"axial", "row", "raster"}),
          "what a pixel sees: axial, all before it by rows and columns; row, those of its row; raster, all "
          "before it at once, at a cost that grows with the square of the pixels");
    field("class_num", o.class_num, between(0, 1e6), "classes to condition on, 0 for none");
    field("label_drop_prob", o.label_drop_prob, between(0, 1),
          "probability of training a sample without its class");
  }
  void check() const {
    require(emb_dim % num_heads == 0, "emb_dim ({}) must be a multiple of num_heads ({})", emb_dim,
            num_heads);
    require(num_outer_layers % 2 == 0, "num_outer_layers must be even (pairs of rows and columns), got {}",
            num_outer_layers);
    require(num_exterior_layers % 2 == 0,
            "num_exterior_layers must be even (pairs of rows and columns), got {}", num_exterior_layers);
  }
  /// The channels are predicted one after the other, by one Transformer2d.
  bool is_sliced() const { return img_channels > 1 && channels == "sliced"; }
  /// Rows of the picture that the Transformer2d sees.
  int64_t rows() const { return is_sliced() ? img_height : img_height * img_channels; }
};

}  // namespace arzoo::image
