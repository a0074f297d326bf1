#include "icl/experiment.h"

#include <torch/torch.h>

#include "icl/fixture.h"
#include "icl/learner_entry.h"
#include "icl/models.h"
#include "icl/path_finding.h"
#include "icl/path_learner.h"
#include "icl/random_inputs.h"
#include "icl/study.h"
#include "runtime/metrics.h"

namespace arzoo::icl {
namespace {

/// Paths of one graph (alpine_nanogpt).
class PathExperiment : public LearnerExperiment {
 public:
  PathExperiment(const Config& config, const runtime::Compute& compute)
      : LearnerExperiment(config, compute), task_(PathTask::sample(data_.graph, seed())) {
    const auto block = block_size(task_.rows);
    train_ = row_tokens(task_.rows.train, block);
    test_ = row_tokens(task_.rows.test, block);
    begin({data_, seed(), block});
    notes_.push_back(fmt::format("{} edges, {} rows to train on, {} pairs to test",
                                 task_.graph.adjacency.sum().item<int64_t>(), train_.size(0), test_.size(0)));
  }

  runtime::Losses loss(int64_t batch) override {
    auto random_inputs = generator(runtime::Split::train, batch);
    const auto chosen = at::randint(train_.size(0), {batch_size()}, random_inputs, at::kLong);
    const auto rows = own_rows(train_.index_select(0, chosen));
    return {.total = loss_of(rows),
            .samples = (rows.narrow(1, 1, rows.size(1) - 1) != kPadToken).sum().item<double>()};
  }

  /// {"loss", "error"} of the walks between tested pairs (of trained ones where none is): the mean cross
  /// entropy, and the share of sampled rows that are no path.
  runtime::Metrics evaluate(runtime::Split split) override {
    const auto& rows = test_.size(0) > 0 ? test_ : train_;
    runtime::ErrorSums wrong;
    double sum = 0.0;
    int64_t count = 0;
    each_batch([&](int64_t batch, int64_t size) {
      auto random_inputs = generator(split, batch);
      const auto chosen = rows.index_select(0, at::randint(rows.size(0), {size}, random_inputs, at::kLong));
      sum += loss_of(chosen).item<double>() * static_cast<double>(size);
      count += size;
      const auto generated =
          learner().generate(on_device(chosen.narrow(1, 0, 2)), kEndToken, random_inputs).cpu();
      for (int64_t i = 0; i < size; ++i) {
        const bool valid = judge(row_of(generated[i]), task_.graph) == PathVerdict::valid;
        wrong.add(at::full({1}, valid ? 0.0 : 1.0), at::zeros({1}));
      }
    });
    return {{"loss", sum / static_cast<double>(count)}, {"error", wrong.mse()}};
  }

  void save(const std::filesystem::path& folder) override {
    learner().tie();
    LearnerExperiment::save(folder);
  }

 private:
  PathLearner& learner() { return dynamic_cast<PathLearner&>(*learner_); }
  /// Nothing that counts comes after the longest row's end: what only padding follows is left out.
  at::Tensor loss_of(const at::Tensor& rows) {
    const auto ids = on_device(rows);
    const int64_t length = (rows != kPadToken).sum(1).max().item<int64_t>() - 1;
    return learner().loss(ids.narrow(1, 0, length), ids.narrow(1, 1, length));
  }

  PathTask task_;
  at::Tensor train_, test_;  ///< [rows, block + 1]
};

}  // namespace

}  // namespace arzoo::icl

namespace arzoo::runtime {

template <>
const ModelEntry& entry<icl::AlpineOptions>() {
  static const ModelEntry entry{.name = icl::AlpineOptions::kName,
                                .build = &icl::build_learner<icl::AlpineOptions>,
                                .experiment = &make_experiment<icl::PathExperiment>,
                                .study = icl::study_of<&icl::study_paths>(),
                                .replays = {{"alpine_task", icl::replay_paths, /*on_cpu=*/true},
                                            {"alpine_nanogpt", icl::replay_path_learner}},
                                .weights = {.whole = true}};
  return entry;
}

}  // namespace arzoo::runtime
