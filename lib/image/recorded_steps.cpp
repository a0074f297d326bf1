#include "image/recorded_steps.h"

#include <torch/torch.h>

#include "runtime/optimizer.h"

namespace arzoo::image {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

std::vector<std::string> names_in(const ParityCase& fixture, const char* list) {
  std::vector<std::string> names;
  fixture.info.at(list).read(names, {});
  return names;
}

/// Steps, and what they were like.
class Steps {
 public:
  Steps(torch::nn::Module& model, const Config& section, const std::vector<std::string>& no_weight_decay)
      : model_(model), optimizer_(model, options_of(section, no_weight_decay)) {
    section.at("lr").read(rate_, more_than(0));
    section.at("grad_clip").read(clip_, more_than(0));
    section.at("ema_rate").read(memory_, from_below(0, 1));
    for (const auto& p : model.named_parameters()) average_[p.key()] = p.value().detach().clone();
  }

  void step(const std::function<at::Tensor()>& loss_of) {
    optimizer_.zero_grad();
    const auto loss = loss_of();
    losses_.push_back(loss.item<double>());
    loss.backward();
    norms_.push_back(optimizer_.clip_gradients(clip_));
    optimizer_.step(rate_);
    const torch::NoGradGuard no_grad;
    for (const auto& p : model_.named_parameters()) average_[p.key()].lerp_(p.value(), 1.0 - memory_);
  }

  void check(const std::vector<std::string>& names, ParityReport& report) const {
    const auto weights = model_.named_parameters();
    std::vector<double> last, averages;
    for (const auto& name : names) {
      last.push_back(weights[name].norm().item<double>());
      averages.push_back(average_.at(name).norm().item<double>());
    }
    report.check("loss", at::tensor(losses_, at::kDouble));
    report.check("grad_norm", at::tensor(norms_, at::kDouble));
    report.check("param_norms", at::tensor(last, at::kDouble));
    report.check("ema_norms", at::tensor(averages, at::kDouble));
  }

 private:
  static runtime::TrainingOptions options_of(const Config& section,
                                             const std::vector<std::string>& no_weight_decay) {
    runtime::TrainingOptions options;
    options.optimizer = "adamw";
    options.no_weight_decay = no_weight_decay;
    section.at("betas").read(options.betas, {});
    section.at("eps").read(options.eps, {});
    section.at("weight_decay").read(options.weight_decay, {});
    return options;
  }

  torch::nn::Module& model_;
  runtime::Adam optimizer_;
  double rate_ = 0.0, clip_ = 0.0, memory_ = 0.0;
  std::unordered_map<std::string, at::Tensor> average_;
  std::vector<double> losses_, norms_;
};

}  // namespace

at::Tensor listed_gradient_norms(const ParityCase& fixture, const torch::nn::Module& model) {
  const auto weights = model.named_parameters();
  std::vector<double> norms;
  for (const auto& name : names_in(fixture, "grad_norm_names")) {
    const auto& gradient = weights[name].grad();
    norms.push_back(gradient.defined() ? gradient.norm().item<double>() : 0.0);
  }
  return at::tensor(norms, at::kDouble);
}

void replay_steps(const ParityCase& fixture, torch::nn::Module& model,
                  const std::vector<std::string>& no_weight_decay,
                  const std::function<at::Tensor(int64_t)>& loss_of, ParityReport& report) {
  const auto section = fixture.config.at("optimizer");
  int64_t count = 0;
  section.at("steps").read(count, at_least(1));
  Steps steps(model, section, no_weight_decay);
  for (int64_t i = 0; i < count; ++i) steps.step([&] { return loss_of(i); });
  steps.check(names_in(fixture, "norm_names"), report);
}

}  // namespace arzoo::image
