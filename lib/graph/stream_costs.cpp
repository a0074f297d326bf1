#include "graph/stream_costs.h"

#include <torch/torch.h>

#include <chrono>

#include "core/chart.h"
#include "core/markdown_table.h"
#include "core/seeded_random.h"
#include "graph/experiment.h"
#include "runtime/metrics_json.h"
#include "runtime/peak_memory.h"

namespace arzoo::graph {
namespace {

struct StreamCostOptions {
  std::vector<int64_t> event_counts;
  int64_t nodes = 1000;
  int64_t window = 400;
  int64_t batch_size = 200;
  int64_t negatives = 5;

  static void fields(auto& o, auto& field) {
    field("event_counts", o.event_counts, nonempty(between(1000, 1e8)), "lengths of the streams, ascending");
    field("nodes", o.nodes, between(2, 1e7), "nodes of a stream");
    field("window", o.window, between(8, 1 << 20), "newest events that a prediction is made of");
    field("batch_size", o.batch_size, between(1, 1 << 20), "events that are predicted of the same window");
    field("negatives", o.negatives, between(1, 10000), "random targets beside each true one");
  }
  void check() const {
    require(std::is_sorted(event_counts.begin(), event_counts.end()), "event_counts must ascend");
    require(event_counts.front() > window, "event_counts ({}) must exceed window ({})", event_counts.front(),
            window);
  }
};

/// A file of random meetings, one a minute.
std::string synthetic_events(int64_t events, int64_t nodes) {
  constexpr uint64_t kStream = 0x73796e74;
  std::string text = "src,dst,time\n";
  const auto node = [&](uint64_t index) {
    return static_cast<int64_t>(uniform_of(kStream, index) * static_cast<double>(nodes));
  };
  for (int64_t i = 0; i < events; ++i) {
    const auto index = static_cast<uint64_t>(i);
    text += fmt::format("{},{},{}\n", node(2 * index), node(2 * index + 1), i * 60);
  }
  return text;
}

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
  }

 private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

/// What each event of one stream took.
struct EventCost {
  double read_us = 0.0, model_us = 0.0, bank_us = 0.0;
  std::optional<double> bytes;
};

class StreamCosts final : public runtime::CellOf<StreamCostOptions> {
 public:
  explicit StreamCosts(StreamCostOptions options) : CellOf(std::move(options)) {}

  std::vector<std::filesystem::path> inputs() const override { return {}; }

  Json run(const runtime::Compute& compute, Progress& progress, Stop stop) const override {
    const c10::InferenceMode inference;
    std::vector<EventCost> costs;
    progress.begin("streams", static_cast<int64_t>(options_.event_counts.size()));
    for (const auto events : options_.event_counts) {
      costs.push_back(measure(events, compute, stop));
      progress.step();
    }
    progress.end();
    return result_of(costs);
  }

 private:
  EventCost measure(int64_t events, const runtime::Compute& compute, Stop stop) const {
    constexpr double kMicro = 1e6;
    const auto each = static_cast<double>(events);
    auto text = synthetic_events(events, options_.nodes);
    const runtime::PeakMemory memory;
    EventCost cost;
    const Stopwatch reading;
    const EventStream stream(EventTable::parse(std::move(text), "synthetic"));
    cost.read_us = reading.seconds() * kMicro / each;
    TodyformerOptions model_options;
    Todyformer model(model_options);
    model.to(compute.device);
    model.eval();
    const auto features =
        node_features(stream.table().nodes, "names", model_options.node_dim).to(compute.device);
    const LinkProtocol protocol{.range = {options_.window, events},
                                .seen = options_.window,
                                .batch_size = options_.batch_size,
                                .negatives = options_.negatives};
    const auto check = [&] { stop_if_asked(stop, "measuring streams"); };
    ModelScorer scorer(model, stream, features, options_.window);
    const Stopwatch scoring;
    score_links(stream, protocol, scorer, check);
    cost.model_us = scoring.seconds() * kMicro / each;
    if (const auto growth = memory.growth()) cost.bytes = static_cast<double>(*growth) / each;
    const auto bank = edge_bank_scorer(stream, 0.0);
    const Stopwatch remembering;
    score_links(stream, protocol, *bank, check);
    cost.bank_us = remembering.seconds() * kMicro / each;
    return cost;
  }

  Json result_of(const std::vector<EventCost>& costs) const {
    Table table({"events",
                 {"reading, us an event", 2},
                 {"model, us an event", 2},
                 {"EdgeBank, us an event", 2},
                 {"memory, bytes an event", 0}});
    LineChart chart{
        "Cost of an event", {"events of the stream", Scale::log}, {"us an event", Scale::log}, {}};
    Series read{.name = "reading", .x = {}, .y = {}, .markers = true};
    auto model = read, bank = read;
    model.name = "Todyformer";
    bank.name = "EdgeBank";
    runtime::Metrics metrics;
    for (std::size_t i = 0; i < costs.size(); ++i) {
      const auto events = options_.event_counts[i];
      for (auto* series : {&read, &model, &bank}) series->x.push_back(static_cast<double>(events));
      read.y.push_back(costs[i].read_us);
      model.y.push_back(costs[i].model_us);
      bank.y.push_back(costs[i].bank_us);
      table.add({events, costs[i].read_us, costs[i].model_us, costs[i].bank_us,
                 costs[i].bytes ? Cell(*costs[i].bytes) : Cell()});
      metrics.emplace_back(fmt::format("model, us per event of {}", events), costs[i].model_us);
      if (costs[i].bytes) metrics.emplace_back(fmt::format("bytes per event of {}", events), *costs[i].bytes);
    }
    chart.series = {read, model, bank};
    return {{"test", runtime::metrics_json(metrics)},
            {"markdown", to_markdown(table) + "\n"},
            {"tables", Json::array({{{"name", "costs"}, {"rows", to_json(table)}}})},
            {"files", {{"costs.svg", to_svg(chart)}}}};
  }
};

struct EdgeBankOptions {
  std::string events;
  std::string memory = "ever";
  DataOptions data;
  EvaluationOptions evaluation;

  static void fields(auto& o, auto& field) {
    field("events", o.events, a_path(), "CSV file of events");
    field("memory", o.memory, one_of({"ever", "recent"}),
          "what a pair is remembered for: ever, or as long as the test events last");
    field("split", o.data, {}, "window and parts, as in the \"data\" of the models beside");
    field("scoring", o.evaluation, {}, "as their \"evaluation\"");
  }
};

class EdgeBankCell final : public runtime::CellOf<EdgeBankOptions> {
 public:
  explicit EdgeBankCell(EdgeBankOptions options) : CellOf(std::move(options)) {}

  std::vector<std::filesystem::path> inputs() const override { return {options_.events}; }

  Json run(const runtime::Compute&, Progress&, Stop stop) const override {
    const EventStream stream(EventTable::read(options_.events));
    const auto split = EventSplit::of(stream.size(), options_.data);
    auto range = split.test;
    range.first = std::max(range.first, options_.data.window);
    if (range.size() <= 0) fail<DataError>("{}: no events to test", options_.events);
    const double length = stream.time(range.last - 1) - stream.time(range.first);
    const auto bank = edge_bank_scorer(stream, options_.memory == "ever" ? 0.0 : std::max(length, 1.0));
    const auto scored = score_links(stream,
                                    {.range = range,
                                     .seen = split.train.last,
                                     .batch_size = options_.evaluation.batch_size,
                                     .negatives = options_.evaluation.negatives},
                                    *bank, [&] { stop_if_asked(stop, "asking EdgeBank"); });
    return {{"test", runtime::metrics_json(scored.metrics())}};
  }
};

}  // namespace

std::shared_ptr<const runtime::Evaluation> read_stream_costs(const Config& cell,
                                                             const runtime::CellContext&) {
  return std::make_shared<StreamCosts>(cell.as<StreamCostOptions>());
}

std::shared_ptr<const runtime::Evaluation> read_edge_bank_cell(const Config& cell,
                                                               const runtime::CellContext& context) {
  auto options = cell.as<EdgeBankOptions>();
  context.find_file(options.events);
  return std::make_shared<EdgeBankCell>(std::move(options));
}

}  // namespace arzoo::graph
