#include "graph/link_study.h"

#include <torch/torch.h>

#include "core/seeded_random.h"
#include "graph/experiment.h"
#include "runtime/metrics_json.h"

namespace arzoo::graph {
namespace {

struct LinkStudyOptions {
  int64_t orders = 3;

  static void fields(auto& o, auto& field) {
    field("orders", o.orders, between(0, 100),
          "random orders of the patches that are averaged over; 0 for none");
  }
};

double value_of(const runtime::Metrics& metrics, std::string_view name) {
  for (const auto& [key, value] : metrics) {
    if (key == name) return value;
  }
  return 0.0;
}

/// The means of AP and MRR over random orders of the patches.
runtime::Metrics shuffled(const LinkExperiment& experiment, const Todyformer& model,
                          const LinkProtocol& protocol, int64_t orders) {
  double ap = 0.0, mrr = 0.0;
  for (int64_t i = 0; i < orders; ++i) {
    constexpr uint32_t kOrderWord = 0x6f726465;
    auto engine = seeded_engine({kOrderWord, static_cast<uint32_t>(i)});
    const auto order = at::tensor(permutation(model.options().patches, engine), at::kLong);
    ModelScorer scorer(model, experiment.stream(), experiment.node_features(), experiment.window(), order);
    const auto metrics = score_links(experiment.stream(), protocol, scorer).metrics();
    ap += value_of(metrics, "ap") / static_cast<double>(orders);
    mrr += value_of(metrics, "mrr") / static_cast<double>(orders);
  }
  return {{"ap, patches shuffled", ap}, {"mrr, patches shuffled", mrr}};
}

Json study_links(const Config& options, const Config& run, const std::filesystem::path& folder,
                 const std::filesystem::path&, Progress&) {
  const c10::InferenceMode inference;
  LinkExperiment experiment(run, {});
  experiment.load(folder);
  const auto& model = dynamic_cast<const Todyformer&>(experiment.model());
  experiment.model().eval();
  const auto protocol = experiment.protocol(runtime::Split::test);
  ModelScorer scorer(model, experiment.stream(), experiment.node_features(), experiment.window());
  const auto results = compare_links(experiment.stream(), protocol, scorer);
  runtime::Metrics metrics;
  for (const char* name : {"ap", "auc", "mrr", "inductive mrr", "hard auc"})
    metrics.emplace_back(fmt::format("edgebank {}", name), value_of(results[1].metrics, name));
  const auto orders = options.as<LinkStudyOptions>().orders;
  if (orders > 0 && model.options().patches > 1) {
    for (auto& metric : shuffled(experiment, model, protocol, orders)) metrics.push_back(std::move(metric));
  }
  const auto table = comparison_table(results);
  return {{"test", runtime::metrics_json(metrics)},
          {"markdown", to_markdown(table) + "\n"},
          {"tables", Json::array({{{"name", "links"}, {"rows", to_json(table)}}})},
          {"charts", Json::array()}};
}

}  // namespace

std::vector<MethodResult> compare_links(const EventStream& stream, const LinkProtocol& protocol,
                                        LinkScorer& model) {
  const double length = stream.time(protocol.range.last - 1) - stream.time(protocol.range.first);
  const auto ever = edge_bank_scorer(stream, 0.0), recent = edge_bank_scorer(stream, std::max(length, 1.0));
  return {{"todyformer", score_links(stream, protocol, model).metrics()},
          {"edgebank", score_links(stream, protocol, *ever).metrics()},
          {"edgebank, recent", score_links(stream, protocol, *recent).metrics()}};
}

Table comparison_table(const std::vector<MethodResult>& results) {
  std::vector<Column> columns{"method"};
  for (const auto& [name, value] : results.front().metrics) columns.emplace_back(name, 3);
  Table table(columns);
  for (const auto& result : results) {
    std::vector<Cell> row{result.name};
    for (const auto& [name, value] : result.metrics) row.emplace_back(value);
    table.add(std::move(row));
  }
  return table;
}

runtime::Study link_study() {
  return {[](const Config& options) { return to_json(options.as<LinkStudyOptions>()); }, &study_links};
}

}  // namespace arzoo::graph
