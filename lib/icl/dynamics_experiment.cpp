#include "icl/experiment.h"

#include <torch/torch.h>

#include "icl/fixture.h"
#include "icl/learner_entry.h"
#include "icl/linear_dynamics.h"
#include "icl/mesa_learner.h"
#include "icl/models.h"
#include "icl/random_inputs.h"
#include "icl/study.h"
#include "runtime/metrics.h"

namespace arzoo::icl {
namespace {

/// Linear dynamical systems (mesa_transformer).
class DynamicsExperiment : public LearnerExperiment {
 public:
  DynamicsExperiment(const Config& config, const runtime::Compute& compute)
      : LearnerExperiment(config, compute) {
    begin({data_});
  }

  runtime::Losses loss(int64_t batch) override {
    const auto states = sample_states(data_.dynamics, batch_size(), generator(runtime::Split::train, batch));
    const auto [tokens, labels] = parts(states);
    return {.total = learner().loss(own_rows(tokens), own_rows(labels)), .samples = own_samples()};
  }

  /// {"loss", "last_loss"}: half the squared error of a state, over all steps and at the last one.
  runtime::Metrics evaluate(runtime::Split split) override {
    runtime::ErrorSums all, last;
    const auto& options = data_.dynamics;
    each_batch([&](int64_t batch, int64_t size) {
      const auto [tokens, labels] = parts(sample_states(options, size, generator(split, batch)));
      const auto predicted = learner().forward(on_device(tokens)).cpu().narrow(2, 0, options.data_dim);
      all.add(predicted, labels);
      last.add(predicted.select(1, -1), labels.select(1, -1));
    });
    const double scale = static_cast<double>(options.data_dim) / 2;
    return {{"loss", all.mse() * scale}, {"last_loss", last.mse() * scale}};
  }

 private:
  MesaLearner& learner() { return dynamic_cast<MesaLearner&>(*learner_); }
  std::pair<at::Tensor, at::Tensor> parts(const at::Tensor& states) const {
    const auto steps = data_.dynamics.seq_len;
    return {constructed_tokens(states.narrow(1, 0, steps)), states.narrow(1, 1, steps)};
  }
};

}  // namespace

}  // namespace arzoo::icl

namespace arzoo::runtime {

template <>
const ModelEntry& entry<icl::MesaTransformerOptions>() {
  static const ModelEntry entry{
      .name = icl::MesaTransformerOptions::kName,
      .build = &icl::build_learner<icl::MesaTransformerOptions>,
      .experiment = &make_experiment<icl::DynamicsExperiment>,
      .study = icl::study_of<&icl::study_dynamics>(),
      .replays = {{"mesa_linear_dynamics", icl::replay_dynamics}, {"mesa_layer", icl::replay_mesa_layer}}};
  return entry;
}

}  // namespace arzoo::runtime
