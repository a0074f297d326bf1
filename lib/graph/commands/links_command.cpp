#include "graph/commands/links_command.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <numeric>

#include "graph/experiment.h"
#include "graph/link_study.h"
#include "runtime/model_folder.h"
#include "runtime/module_builder.h"
#include "runtime/parameter_count.h"

namespace arzoo::graph {
namespace {

/// A trained model and the stream that it is asked about.
struct OpenedLinks {
  std::shared_ptr<Todyformer> model;
  DataOptions data;
  EventStream stream;
  at::Tensor node_features;
};

OpenedLinks open_links(const plan::LinksTask& task, const runtime::Compute& compute) {
  const auto found = runtime::find_model_folder(task.model, "graph");
  if (!found)
    fail<CheckpointError>("{}: no model of dynamic graphs (expected a run directory or model folder)",
                          task.model.string());
  auto model = runtime::build_module<Todyformer, TodyformerOptions>(found->config.at("model"));
  runtime::load_strictly(*model, runtime::open_tensors(found->path), found->path.string());
  model->to(compute.device);
  model->eval();
  const auto data = found->config.at("data").as<DataOptions>();
  EventStream stream(EventTable::read(task.input));
  require_features<DataError>(stream.table(), model->options().edge_dim, task.input.string());
  auto features =
      node_features(stream.table().nodes, data.node_features, model->options().node_dim).to(compute.device);
  return {std::move(model), data, std::move(stream), std::move(features)};
}

/// Nodes of "u,v": at the comma, of several, where both sides are nodes.
std::pair<int64_t, int64_t> pair_of(const std::string& query, const NodeNames& nodes) {
  const auto where = fmt::format("links: --query {}", query);
  std::vector<std::size_t> commas;
  for (auto at = query.find(','); at != std::string::npos; at = query.find(',', at + 1)) commas.push_back(at);
  if (commas.empty()) fail<UsageError>("{}: expected two nodes, SOURCE,TARGET", where);
  for (const auto comma : commas) {
    const auto source = nodes.find(query.substr(0, comma)), target = nodes.find(query.substr(comma + 1));
    if (source && target) return {*source, *target};
  }
  return {nodes.at(query.substr(0, commas.front()), where),
          nodes.at(query.substr(commas.front() + 1), where)};
}

/// How often these pairs met before an event, and when last.
class Meetings {
 public:
  Meetings(const EventStream& stream, int64_t end) : stream_(stream), end_(end) {}

  void want(int64_t source, int64_t target) { met_[{source, target}] = {}; }
  void count() {
    for (int64_t event = 0; event < end_; ++event) {
      const auto found = met_.find({stream_.source(event), stream_.target(event)});
      if (found != met_.end()) found->second = {found->second.count + 1, stream_.time(event)};
    }
  }
  Json told(int64_t source, int64_t target, double probability) const {
    const auto& nodes = stream_.table().nodes;
    const auto& met = met_.at({source, target});
    return {{"source", std::string(nodes.name(source))},
            {"target", std::string(nodes.name(target))},
            {"probability", probability},
            {"met", met.count},
            {"last", met.count == 0 ? Json(nullptr) : Json(met.last)}};
  }

 private:
  struct Met {
    int64_t count = 0;
    double last = 0.0;
  };
  const EventStream& stream_;
  int64_t end_;
  std::map<std::pair<int64_t, int64_t>, Met> met_;
};

/// Probabilities of these pairs, a part at a time.
at::Tensor probabilities(LinkScorer& scorer, const at::Tensor& source, const at::Tensor& target) {
  constexpr int64_t kPart = 1 << 15;
  std::vector<at::Tensor> parts;
  for (int64_t first = 0; first < source.size(0); first += kPart) {
    const int64_t count = std::min(kPart, source.size(0) - first);
    parts.push_back(
        scorer.score(source.narrow(0, first, count), target.narrow(0, first, count), {}).sigmoid());
  }
  return at::cat(parts);
}

Json answers(const plan::LinksTask& task, const OpenedLinks& opened, int64_t end, LinkScorer& scorer) {
  const auto& nodes = opened.stream.table().nodes;
  std::vector<int64_t> source, target;
  if (task.source) {
    const auto node = nodes.at(*task.source, fmt::format("links: --src {}", *task.source));
    for (int64_t i = 0; i < opened.stream.known_targets(end); ++i) {
      if (opened.stream.known_target(i) == node) continue;
      source.push_back(node);
      target.push_back(opened.stream.known_target(i));
    }
  }
  for (const auto& query : task.queries) {
    const auto [u, v] = pair_of(query, nodes);
    source.push_back(u);
    target.push_back(v);
  }
  Json links = Json::array();
  if (source.empty()) return links;
  scorer.advance(end);
  const auto found = probabilities(scorer, at::tensor(source, at::kLong), at::tensor(target, at::kLong));
  std::vector<int64_t> order(source.size());
  std::iota(order.begin(), order.end(), 0);
  const auto* numbers = found.const_data_ptr<float>();
  if (task.source) {
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return numbers[a] > numbers[b]; });
    order.resize(std::min(order.size(), static_cast<std::size_t>(task.top)));
  }
  Meetings meetings(opened.stream, end);
  for (const auto i : order)
    meetings.want(source[static_cast<std::size_t>(i)], target[static_cast<std::size_t>(i)]);
  meetings.count();
  for (const auto i : order) {
    const auto at = static_cast<std::size_t>(i);
    links.push_back(meetings.told(source[at], target[at], static_cast<double>(numbers[i])));
  }
  return links;
}

/// The events to evaluate: those at --at or later, or the model's test part.
LinkProtocol protocol_of(const plan::LinksTask& task, const OpenedLinks& opened) {
  const auto split = EventSplit::of(opened.stream.size(), opened.data);
  LinkProtocol protocol{.range = split.test,
                        .seen = split.train.last,
                        .batch_size = task.batch_size,
                        .negatives = task.negatives};
  if (task.at) {
    protocol.range = {opened.stream.table().first_at(*task.at), opened.stream.size()};
    protocol.seen = protocol.range.first;
  }
  protocol.range.first = std::max(protocol.range.first, opened.data.window);
  if (protocol.range.size() > 0) return protocol;
  fail<DataError>("{}: no events {} with a window of {} before them, nothing can be evaluated",
                  opened.stream.table().file,
                  task.at ? fmt::format("at {} or later", *task.at) : std::string("to test"),
                  opened.data.window);
}

Json evaluation(const plan::LinksTask& task, const OpenedLinks& opened, LinkScorer& scorer) {
  const auto protocol = protocol_of(task, opened);
  const auto table = comparison_table(compare_links(opened.stream, protocol, scorer));
  return {{"evaluated", protocol.range.size()}, {"events", opened.stream.size()}, {"rows", to_json(table)}};
}

}  // namespace

Json run_links(const plan::LinksTask& task, const runtime::CommandContext& context) {
  if (task.compute.dtype != "fp32")
    fail<UsageError>("links: --dtype {}: links are computed in fp32", task.compute.dtype);
  const auto compute = runtime::select_compute(task.compute.device, task.compute.dtype);
  runtime::set_threads(task.compute.threads);
  const auto opened = open_links(task, compute);
  for (const auto& note : opened.stream.table().notes) context.progress.warn(note);
  if (task.dry_run) {
    return {{"plan",
             {{"parameters", runtime::count_parameters(*opened.model).all},
              {"events", opened.stream.size()},
              {"nodes", opened.stream.nodes()},
              {"window", opened.data.window}}}};
  }
  const c10::InferenceMode inference;
  const auto start = std::chrono::steady_clock::now();
  ModelScorer scorer(*opened.model, opened.stream, opened.node_features, opened.data.window);
  Json result;
  if (task.evaluate) {
    result = evaluation(task, opened, scorer);
  } else {
    const int64_t end = task.at ? opened.stream.table().first_at(*task.at) : opened.stream.size();
    if (end < opened.model->options().patches)
      fail<DataError>(
          "{}: {} events{}, expected at least {} (the model's patches)", opened.stream.table().file, end,
          task.at ? fmt::format(" before {}", *task.at) : std::string(), opened.model->options().patches);
    result["events"] = end;
    result["at"] = task.at ? *task.at : opened.stream.time(opened.stream.size() - 1);
    result["links"] = answers(task, opened, end, scorer);
  }
  result["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace arzoo::graph
