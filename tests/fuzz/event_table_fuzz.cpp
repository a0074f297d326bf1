// CSV files of events of a dynamic graph.

#include "fuzz/fuzz_target.h"
#include "graph/event_table.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace arzoo;
  std::string text(reinterpret_cast<const char*>(data), size);
  fuzz::refuse_or_accept([&] {
    const auto table = graph::EventTable::parse(std::move(text), "input");
    const auto events = static_cast<std::size_t>(table.size());
    if (events == 0 || table.source.size() != events || table.target.size() != events ||
        table.features.size() != events * table.feature_names.size())
      std::abort();
    for (std::size_t i = 0; i < events; ++i) {
      if (!(table.time[i] >= 0.0) || (i > 0 && table.time[i] < table.time[i - 1])) std::abort();
      for (const auto node : {table.source[i], table.target[i]}) {
        const auto name = table.nodes.name(node);
        if (name.empty() || table.nodes.find(name) != static_cast<std::int64_t>(node)) std::abort();
      }
    }
  });
  return 0;
}
