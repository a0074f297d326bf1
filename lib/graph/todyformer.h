#pragma once

#include <string>

#include "core/config.h"

namespace arzoo::graph {

/// Todyformer (Fan et al., 2024): the newest events of a dynamic graph in patches, encoded by message passing
/// within each patch and by a Transformer over a node's patches, in turns. The paper's code was not
/// published: sizes, the message passing and the decoder are a reconstruction.
struct TodyformerOptions {
  static constexpr std::string_view kName = "todyformer";
  static constexpr std::string_view kPaper =
      "Fan et al., Todyformer, 2024 (dynamic graphs in patches); reconstruction";

  int64_t node_dim = 32;
  int64_t edge_dim = 0;
  int64_t time_dim = 16;
  int64_t dim = 32;
  int64_t heads = 2;
  int64_t ff = 64;
  int64_t blocks = 1;
  int64_t local_layers = 2;
  int64_t global_layers = 1;
  int64_t patches = 8;
  std::string pos = "sincos";
  double time_unit = 1.0;
  std::string absent = "zeros";

  static void fields(auto& o, auto& field) {
    field("node_dim", o.node_dim, between(1, 4096), "features of a node");
    field("edge_dim", o.edge_dim, between(0, 4096), "features of an event: further columns of the file");
    field("time_dim", o.time_dim, between(1, 4096), "cosines that encode how long ago an event was");
    field("dim", o.dim, between(1, 16384), "width of a token");
    field("heads", o.heads, between(1, 1024), "attention heads, of both encoders");
    field("ff", o.ff, between(1, 65536), "hidden width of the feed-forward layers");
    field("blocks", o.blocks, between(1, 256), "turns of both encoders");
    field("local_layers", o.local_layers, between(1, 256), "message passing layers of a block");
    field("global_layers", o.global_layers, between(0, 256),
          "Transformer layers of a block; 0 leaves patches on their own");
    field("patches", o.patches, between(1, 4096),
          "groups of equal size that a window's events are split into");
    field("pos", o.pos, one_of({"sincos", "time2vec", "none"}),
          "code of a patch's place: of its number, of the time since its newest event, or none");
    field("time_unit", o.time_unit, more_than(0), "seconds that count as 1");
    field("absent", o.absent, one_of({"zeros", "features"}),
          "state of a node without events in the window: zeros, or made of its features");
  }
  void check() const {
    require(dim % heads == 0, "dim ({}) must be a multiple of heads ({})", dim, heads);
    require(pos != "sincos" || dim % 2 == 0, "dim ({}) must be even for pos sincos", dim);
  }
};

}  // namespace arzoo::graph
