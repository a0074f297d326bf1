#pragma once

#include "graph/link_evaluation.h"
#include "graph/todyformer_model.h"
#include "runtime/device.h"
#include "runtime/experiment.h"

namespace arzoo::graph {

/// Scores links of a stream by a model that reads the window before them.
class ModelScorer final : public LinkScorer {
 public:
  /// order: of the patches' positions, as Todyformer::encode takes it. All must outlive this.
  ModelScorer(const Todyformer& model, const EventStream& stream, at::Tensor node_features, int64_t window,
              at::Tensor order = {});
  void advance(int64_t end) override;
  at::Tensor score(const at::Tensor& source, const at::Tensor& target, const at::Tensor& time) override;

 private:
  const Todyformer& model_;
  const EventStream& stream_;
  at::Tensor node_features_;
  int64_t window_;
  at::Tensor order_;
  NodeStates known_;
};

/// Training on a stream: step s reads the window of events [s K, s K + N) and predicts the next K, its batch.
class LinkExperiment : public runtime::Experiment {
 public:
  /// run: resolved (plan/run_config.h). Throws ConfigError, DataError where model and events do not go
  /// together.
  LinkExperiment(const Config& run, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  int64_t batches_per_epoch() const override { return batches_; }
  runtime::Losses loss(int64_t batch) override;
  /// {"loss", …ScoredLinks::metrics}.
  runtime::Metrics evaluate(runtime::Split split) override;
  void save(const std::filesystem::path& folder) override;
  void load(const std::filesystem::path& folder) override;
  std::vector<std::string> notes() const override;
  std::vector<ReportSection> showcase() override;

  const EventStream& stream() const { return stream_; }
  const at::Tensor& node_features() const { return node_features_; }
  LinkProtocol protocol(runtime::Split split) const;
  int64_t window() const { return data_.window; }

 private:
  Config config_;
  runtime::Compute compute_;
  DataOptions data_;
  EvaluationOptions evaluation_;
  int64_t batch_size_, seed_;
  EventStream stream_;
  EventSplit split_;
  int64_t batches_ = 1;
  std::shared_ptr<Todyformer> model_;
  at::Tensor node_features_;
};

/// Throws E unless the model reads as many features of an event as the file has. where: opens the message.
template <class E>
void require_features(const EventTable& table, int64_t edge_dim, const std::string& where) {
  const auto own = static_cast<int64_t>(table.feature_names.size());
  if (own != edge_dim) fail<E>("{}: {} columns of features, but model.edge_dim is {}", where, own, edge_dim);
}

}  // namespace arzoo::graph
