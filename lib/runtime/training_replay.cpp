#include "runtime/training_replay.h"

#include <torch/torch.h>

#include <limits>

#include "runtime/lr_schedule.h"
#include "runtime/weight_average.h"

namespace arzoo::runtime {
namespace {

class RecordedObjective final : public Objective {
 public:
  explicit RecordedObjective(const RecordedTraining& training) : training_(training) {}
  Losses loss(int64_t batch) override { return training_.loss(batch); }
  void on_gradients(int64_t step) override {
    if (training_.on_gradients) training_.on_gradients(step);
  }
  std::vector<at::Tensor> clipped_apart() const override { return training_.clipped_apart; }

 private:
  const RecordedTraining& training_;
};

template <class Value>
at::Tensor norms_of(const torch::nn::Module& model, const std::vector<std::string>& names,
                    const Value& value) {
  const auto parameters = model.named_parameters();
  std::vector<double> norms;
  for (const auto& name : names) {
    const auto* parameter = parameters.find(name);
    if (parameter == nullptr) fail<CheckpointError>("the case lists {}, which is no parameter", name);
    const at::Tensor own = value(*parameter);
    norms.push_back(own.defined() ? own.norm().item<double>() : 0.0);
  }
  return at::tensor(norms, at::kDouble);
}

}  // namespace

TrainingLog replay_training(const RecordedTraining& training) {
  const auto& options = training.options;
  Optimizer optimizer(training.model, options);
  WeightAverage average(optimizer.parameters(), options.ema_decay);
  RecordedObjective objective(training);
  const Compute compute;
  const auto total = training.total_steps > 0 ? training.total_steps : training.steps;
  const auto per_epoch = training.steps_per_epoch > 0 ? training.steps_per_epoch : training.steps;
  TrainingLog log;
  for (int64_t step = 0; step < training.steps; ++step) {
    const double rate = training.learning_rate ? training.learning_rate(step)
                                               : learning_rate(options, step, per_epoch, total);
    const double decay =
        training.weight_decay ? training.weight_decay(step) : weight_decay(options, step, total);
    const double beta = first_beta(options, step, total);
    optimizer.set_weight_decay(decay);
    optimizer.set_first_beta(beta);
    const auto losses = training_step(objective, optimizer, options, compute, step, rate);
    average.update();
    log.losses.push_back(losses.mean);
    // A step that clips nothing does not ask for the norm: nothing is larger than this limit.
    log.gradient_norms.push_back(options.clip_grad_norm > 0 || options.clip_grad_value > 0
                                     ? losses.gradient_norm
                                     : optimizer.clip_gradients(std::numeric_limits<double>::infinity()));
    log.norms_apart.push_back(losses.norm_apart);
    log.learning_rates.push_back(rate);
    log.weight_decays.push_back(decay);
    log.first_betas.push_back(beta);
    if (training.after_step) training.after_step(step, losses.last);
  }
  std::size_t trained = 0;
  for (const auto& parameter : training.model.named_parameters()) {
    const bool averaged = !average.empty() && parameter.value().requires_grad();
    log.averages[parameter.key()] = averaged ? average.values().at(trained++) : parameter.value().detach();
  }
  return log;
}

std::vector<std::string> listed_names(const ParityCase& fixture, std::string_view key) {
  std::vector<std::string> names;
  fixture.info.at(key).read(names, {});
  return names;
}

at::Tensor weight_norms(const torch::nn::Module& model, const std::vector<std::string>& names) {
  return norms_of(model, names, [](const at::Tensor& parameter) { return parameter.detach(); });
}

at::Tensor gradient_norms(const torch::nn::Module& model, const std::vector<std::string>& names) {
  return norms_of(model, names, [](const at::Tensor& parameter) { return parameter.grad(); });
}

}  // namespace arzoo::runtime
