#pragma once

#include <memory>

#include "runtime/suite_cell.h"

/// Cells of `bench table` without training.
namespace arzoo::graph {

/// "event_counts": what an event costs in synthetic streams of these lengths: reading, scoring by a model of
/// random weights, and memory. Its run returns {"test": {"us per event at N", "bytes per event at N", …}}.
std::shared_ptr<const runtime::Evaluation> read_stream_costs(const Config& cell,
                                                             const runtime::CellContext& context);

/// "events": a file whose test events EdgeBank predicts, beside the models of other cells.
std::shared_ptr<const runtime::Evaluation> read_edge_bank_cell(const Config& cell,
                                                               const runtime::CellContext& context);

}  // namespace arzoo::graph
