#pragma once

#include <optional>
#include <string>

#include "core/config.h"

namespace arzoo::nn {

/// Value embeddings of a decoder (nn/value_embeddings.h). No torch in here.
struct ValueMemoryOptions {
  std::string kind = "none";
  std::optional<int64_t> slots = {};

  static void fields(auto& o, auto& field) {
    field("kind", o.kind, one_of({"none", "move", "lave"}),
          "none; move: a bank of rows by token id that all layers mix into their values (MoVE, arXiv "
          "2601.22887; a reconstruction); lave: a row by token id for each layer");
    field("slots", o.slots, between(1, 1024),
          "move: rows of a token id; half as many as layers when not given");
  }
  void check() const {
    require(kind == "move" || !slots, "slots ({}) go with the kind move, got {}", slots.value_or(0), kind);
  }

  bool any() const { return kind != "none"; }
  bool of_each_layer() const { return kind == "lave"; }
  /// M, rows of a token id in one table.
  int64_t rows(int64_t layers) const {
    return of_each_layer() ? 1 : slots.value_or(layers > 1 ? layers / 2 : 1);
  }
  /// Gates of a head: one of its own values and one of each row, or of the row alone.
  int64_t gates(int64_t layers) const { return of_each_layer() ? 1 : rows(layers) + 1; }
};

}  // namespace arzoo::nn
