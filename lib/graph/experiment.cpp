#include "graph/experiment.h"

#include <torch/torch.h>

#include "core/seeded_random.h"
#include "graph/fixture.h"
#include "graph/link_study.h"
#include "runtime/model_entry.h"
#include "runtime/model_folder.h"
#include "runtime/module_builder.h"
#include "runtime/training_options.h"

namespace arzoo::graph {
namespace {

constexpr uint64_t kTrainStream = 1;

}  // namespace

ModelScorer::ModelScorer(const Todyformer& model, const EventStream& stream, at::Tensor node_features,
                         int64_t window, at::Tensor order)
    : model_(model),
      stream_(stream),
      node_features_(std::move(node_features)),
      window_(window),
      order_(std::move(order)) {}

void ModelScorer::advance(int64_t end) {
  known_ = model_.encode(stream_.window(end, window_), node_features_, order_);
}

at::Tensor ModelScorer::score(const at::Tensor& source, const at::Tensor& target, const at::Tensor&) {
  const auto device = node_features_.device();
  return model_.score(known_, source.to(device), target.to(device), node_features_).to(at::kCPU, at::kFloat);
}

LinkExperiment::LinkExperiment(const Config& run, const runtime::Compute& compute)
    : config_(run),
      compute_(compute),
      data_(run.at("data").as<DataOptions>()),
      evaluation_(run.at("evaluation").as<EvaluationOptions>()),
      batch_size_(runtime::training_options(run).batch_size),
      seed_(run.json().at("seed").get<int64_t>()),
      stream_(EventTable::read(data_.path)),
      split_(EventSplit::of(stream_.size(), data_)) {
  if (batch_size_ < compute.share.count)
    fail<ConfigError>("training.batch_size: {} events for {} processes, expected at least one for each",
                      batch_size_, compute.share.count);
  batches_ = (split_.train.size() - data_.window) / batch_size_;
  if (split_.train.size() < data_.window || batches_ < 1)
    run.at("data").reject(fmt::format(
        "{} events to train on, expected at least window ({}) and training.batch_size ({}) together",
        split_.train.size(), data_.window, batch_size_));
  model_ = runtime::build_module<Todyformer, TodyformerOptions>(run.at("model"));
  require_features<ConfigError>(stream_.table(), model_->options().edge_dim, data_.path);
  model_->to(compute.device);
  node_features_ =
      graph::node_features(stream_.table().nodes, data_.node_features, model_->options().node_dim)
          .to(compute.device);
}

runtime::Losses LinkExperiment::loss(int64_t batch) {
  const int64_t first = batch % batches_ * batch_size_ + data_.window;
  const int64_t own = compute_.share.size(batch_size_), skipped = compute_.share.first(batch_size_);
  std::vector<int64_t> others;
  for (int64_t i = skipped; i < skipped + own; ++i) {
    const auto random = stream_seed(static_cast<uint64_t>(seed_), kTrainStream,
                                    static_cast<uint64_t>(batch * batch_size_ + i));
    // Of all training targets, not of those known so far: while few are known, a random one is more often in
    // the window than the true one, and what the model learns of that is the reverse of what holds later.
    others.push_back(stream_.random_target(split_.train.last, stream_.target(first + i), random));
  }
  const EventRange range{first + skipped, first + skipped + own};
  const auto on_device = [&](const at::Tensor& x) { return x.to(compute_.device); };
  const auto known = model_->encode(stream_.window(first, data_.window), node_features_);
  const auto source = model_->states_of(known, on_device(stream_.sources(range)), node_features_);
  const auto states = [&](const at::Tensor& ids) {
    return model_->states_of(known, on_device(ids), node_features_);
  };
  const auto loss = Todyformer::loss(model_->score(source, states(stream_.targets(range))),
                                     model_->score(source, states(at::tensor(others, at::kLong))));
  return {.total = loss, .samples = static_cast<double>(own)};
}

LinkProtocol LinkExperiment::protocol(runtime::Split split) const {
  auto range = split == runtime::Split::train  ? split_.train
               : split == runtime::Split::test ? split_.test
                                               : split_.validation;
  range.first = std::max(range.first, data_.window);
  if (evaluation_.max_events > 0) range.last = std::min(range.last, range.first + evaluation_.max_events);
  return {.range = range,
          .seen = split_.train.last,
          .batch_size = evaluation_.batch_size,
          .negatives = evaluation_.negatives};
}

runtime::Metrics LinkExperiment::evaluate(runtime::Split split) {
  const auto asked = protocol(split);
  if (asked.range.size() <= 0) return {};
  const c10::InferenceMode inference;
  model_->eval();
  ModelScorer scorer(*model_, stream_, node_features_, data_.window);
  const auto scored = score_links(stream_, asked, scorer);
  const auto loss = Todyformer::loss(scored.positive, scored.negative.select(1, 0)).item<double>();
  runtime::Metrics metrics{{"loss", loss}};
  for (auto& metric : scored.metrics()) metrics.push_back(std::move(metric));
  return metrics;
}

void LinkExperiment::save(const std::filesystem::path& folder) {
  Json config{{"family", "graph"}};
  for (const char* section : {"model", "data", "evaluation"}) config[section] = config_.json().at(section);
  runtime::write_model_folder(folder, config, *model_);
}

void LinkExperiment::load(const std::filesystem::path& folder) {
  runtime::load_strictly(*model_, runtime::open_tensors(folder), folder.string());
}

std::vector<std::string> LinkExperiment::notes() const {
  auto notes = stream_.table().notes;
  notes.push_back(fmt::format("{} events, {} nodes; {} to train on, {} to validate, {} to test",
                              stream_.size(), stream_.nodes(), split_.train.size(), split_.validation.size(),
                              split_.test.size()));
  return notes;
}

std::vector<ReportSection> LinkExperiment::showcase() {
  const auto asked = protocol(runtime::Split::test);
  if (asked.range.size() <= 0) return {};
  const c10::InferenceMode inference;
  model_->eval();
  ModelScorer scorer(*model_, stream_, node_features_, data_.window);
  return {{"Links of the test events", {comparison_table(compare_links(stream_, asked, scorer))}}};
}

}  // namespace arzoo::graph

namespace arzoo::runtime {

template <>
const ModelEntry& entry<graph::TodyformerOptions>() {
  static const ModelEntry entry{
      .name = graph::TodyformerOptions::kName,
      .build = &build_any<graph::Todyformer, graph::TodyformerOptions>,
      .experiment = &make_experiment<graph::LinkExperiment>,
      .study = graph::link_study(),
      .replays = {{"Todyformer", graph::replay_todyformer}},
  };
  return entry;
}

}  // namespace arzoo::runtime
