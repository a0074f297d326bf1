#include "icl/fixture.h"

#include <torch/torch.h>

namespace arzoo::icl {

int64_t whole_number(const ParityCase& fixture, const char* key) {
  int64_t value = 0;
  fixture.config.at(key).read(value, {});
  return value;
}

double real_number(const ParityCase& fixture, const char* key) {
  double value = 0.0;
  fixture.config.at(key).read(value, {});
  return value;
}

double real_number(const ParityCase& fixture, const char* key, double otherwise) {
  return fixture.config.has(key) ? real_number(fixture, key) : otherwise;
}

void check_gradients(const at::Tensor& loss, const torch::nn::Module& model, ParityReport& report) {
  loss.backward();
  for (const auto& parameter : model.named_parameters())
    report.check("grad." + parameter.key(), parameter.value().grad());
}

void check_trained(const torch::nn::Module& model, const ParityCase& fixture, ParityReport& report) {
  for (const auto& [name, value] : runtime::state_dict(model)) {
    report.check("norm." + name, value.norm());
    if (fixture.io.contains("final." + name)) report.check("final." + name, value);
  }
}

StepLog train_steps(torch::nn::Module& model, const runtime::TrainingOptions& options, int64_t steps,
                    const std::function<at::Tensor(int64_t step)>& loss) {
  runtime::Adam optimizer(model, options);
  StepLog log;
  for (int64_t step = 0; step < steps; ++step) {
    optimizer.zero_grad();
    const auto value = loss(step);
    log.losses.push_back(value.item<double>());
    value.backward();
    const double limit =
        options.clip_grad_norm > 0 ? options.clip_grad_norm : std::numeric_limits<double>::infinity();
    log.gradient_norms.push_back(optimizer.clip_gradients(limit));
    const bool warms_up = step < options.warmup_steps;
    optimizer.step(
        options.learning_rate *
        (warms_up ? static_cast<double>(step + 1) / static_cast<double>(options.warmup_steps) : 1.0));
  }
  return log;
}

}  // namespace arzoo::icl
