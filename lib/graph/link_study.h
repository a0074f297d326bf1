#pragma once

#include "core/markdown_table.h"
#include "graph/link_evaluation.h"
#include "runtime/model_entry.h"

/// A model's links beside what a memory of pairs finds.
namespace arzoo::graph {

/// What one method reached.
struct MethodResult {
  std::string name;
  runtime::Metrics metrics;
};
/// The model ("todyformer"), EdgeBank and EdgeBank with a window as long as the range, on the same events and
/// negatives.
std::vector<MethodResult> compare_links(const EventStream& stream, const LinkProtocol& protocol,
                                        LinkScorer& model);
/// A row for each method, a column for each metric.
Table comparison_table(const std::vector<MethodResult>& results);

/// A cell's "study": the comparison as a table, and {"edgebank ap", …, "ap, patches shuffled", "mrr, patches
/// shuffled"}: the trained model when each patch has the position of another.
runtime::Study link_study();

}  // namespace arzoo::graph
