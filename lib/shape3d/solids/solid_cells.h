#pragma once

#include "core/config.h"
#include "runtime/suite_cell.h"

namespace arzoo::shape3d {

/// A cell of a table that measures solids: what survives rebuilding, or what a model samples.
struct SolidCellOptions {
  std::string solids_model;
  std::vector<std::string> kinds;
  std::string path;
  int64_t count = 64;
  int64_t bit = 10;
  bool unconstrained = false;
  bool as_decoded = false;
  int64_t training_count = 0;
  int64_t training_seed = 1;
  int64_t seed = 0;

  static void fields(auto& o, auto& field) {
    field("solids_model", o.solids_model, {},
          "an autobrep_fsq, through which solids pass; an autobrep, which samples them; \"exact\": grids as "
          "they are");
    field("kinds", o.kinds, {},
          "kinds of parts that pass, or that an autobrep was trained on; empty for all");
    field("path", o.path, {}, "STEP files in place of parts");
    field("count", o.count, between(1, 100000), "parts, or samples");
    field("bit", o.bit, between(2, 12), "bits of a coordinate of a box of what passes");
    field("unconstrained", o.unconstrained, {}, "sample without the grammar");
    field("as_decoded", o.as_decoded, {}, "keep surfaces as they are decoded, as officially");
    field("training_count", o.training_count, between(0, 1e6),
          "parts that an autobrep was trained on, to tell copies; 0 to tell none");
    field("training_seed", o.training_seed, at_least(0), "seed of that training");
    field("seed", o.seed, at_least(0), "seed of the parts and samples");
  }
  void check() const { require(!solids_model.empty(), "solids_model is needed"); }
};

/// Its run returns {"test": {…}, "solids"}: shares "sewn", "closed", "valid"; of grids that coders decoded
/// "rmse_…" by the type of surface and of edges, the root of the mean squared distance in units of half a
/// grid's extent. Of samples also the shares "parsed", "distinct" (whose boxes no earlier sample has) and
/// "copied" (whose boxes are a training solid's), "faces", their mean, and how many samples have so many
/// faces. Throws DataError, CheckpointError.
std::shared_ptr<const runtime::Evaluation> read_solid_cell(const Config& cell,
                                                           const runtime::CellContext& context);

}  // namespace arzoo::shape3d
