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

}  // namespace arzoo::icl
