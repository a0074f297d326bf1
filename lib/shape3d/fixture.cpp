#include "shape3d/fixture.h"

#include <torch/torch.h>

#include <numbers>

namespace arzoo::shape3d {
namespace {

std::vector<at::Tensor> listed_parameters(const runtime::ParityCase& fixture,
                                          const torch::nn::Module& model) {
  const auto parameters = model.named_parameters();
  std::vector<std::string> names;
  fixture.info.at("param_order").read(names, {});
  std::vector<at::Tensor> listed;
  for (const auto& name : names) {
    const auto* found = parameters.find(name);
    if (found == nullptr) fail<CheckpointError>("{}: the model has no parameter {}", fixture.name, name);
    listed.push_back(*found);
  }
  return listed;
}

template <class Value>
at::Tensor norms_of(const std::vector<at::Tensor>& listed, const Value& value) {
  std::vector<double> norms;
  for (const auto& parameter : listed) {
    const at::Tensor own = value(parameter);
    norms.push_back(own.defined() ? own.norm().item<double>() : 0.0);
  }
  return at::tensor(norms, at::kDouble);
}

}  // namespace

RecordedTraining::RecordedTraining(const runtime::ParityCase& fixture, torch::nn::Module& model)
    : listed_(listed_parameters(fixture, model)) {
  const auto optimizer = fixture.config.at("optimizer"), schedule = fixture.config.at("scheduler");
  options_.optimizer = "adamw";
  optimizer.at("lr").read(options_.learning_rate, more_than(0));
  optimizer.at("betas").read(options_.betas, {});
  optimizer.at("eps").read(options_.eps, more_than(0));
  optimizer.at("weight_decay").read(options_.weight_decay, at_least(0));
  schedule.at("linear").at("start_factor").read(start_factor_, at_least(0));
  schedule.at("linear").at("end_factor").read(end_factor_, at_least(0));
  schedule.at("linear").at("total_iters").read(warmup_, at_least(1));
  schedule.at("cosine").at("T_max").read(period_, at_least(1));
  std::vector<int64_t> milestones;
  schedule.at("milestones").read(milestones, nonempty(at_least(0)));
  milestone_ = milestones.front();
  fixture.config.at("steps").read(steps_, at_least(1));
  optimizer_.emplace(listed_, options_);
}

double RecordedTraining::rate(int64_t step) const {
  if (step < milestone_) {
    const double place = static_cast<double>(std::min(step, warmup_)) / static_cast<double>(warmup_);
    return options_.learning_rate * (start_factor_ + (end_factor_ - start_factor_) * place);
  }
  const double turn = static_cast<double>(step - milestone_) / static_cast<double>(period_);
  return options_.learning_rate * 0.5 * (1.0 + std::cos(std::numbers::pi * turn));
}

void RecordedTraining::update(const at::Tensor& loss, int64_t step) {
  optimizer_->zero_grad();
  loss.backward();
  optimizer_->step(rate(step));
}

at::Tensor RecordedTraining::gradient_norms() const {
  return norms_of(listed_, [](const at::Tensor& parameter) { return parameter.grad(); });
}

at::Tensor RecordedTraining::weight_norms() const {
  return norms_of(listed_, [](const at::Tensor& parameter) { return parameter.detach(); });
}

at::Tensor listed_gradient_norms(const runtime::ParityCase& fixture, const torch::nn::Module& model) {
  return norms_of(listed_parameters(fixture, model),
                  [](const at::Tensor& parameter) { return parameter.grad(); });
}

void replay_shape_vae_case(const runtime::ParityCase& fixture, runtime::ParityReport& report) {
  fixture.config.has("steps") ? replay_shape_vae_training(fixture, report)
                              : replay_shape_vae(fixture, report);
}

}  // namespace arzoo::shape3d
