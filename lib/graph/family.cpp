#include "graph/family.h"

#include "graph/commands/links_command.h"
#include "graph/fixture.h"
#include "graph/models.h"
#include "graph/stream_costs.h"

namespace arzoo::graph {

const runtime::Family& family() {
  static const runtime::Family family{.name = "graph",
                                      .models = runtime::entries_of<Models>(),
                                      .fixture_folders = {"todyformer"},
                                      .mechanisms = {{"link_metrics", replay_link_metrics, /*on_cpu=*/true}},
                                      .cells = {{.keys = {"event_counts"}, .read = &read_stream_costs},
                                                {.keys = {"events"}, .read = &read_edge_bank_cell}},
                                      .commands = {runtime::family_command<plan::LinksTask, &run_links>()},
                                      .weights = {.fp32 = true}};
  return family;
}

}  // namespace arzoo::graph
