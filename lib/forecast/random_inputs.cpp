#include "forecast/random_inputs.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include "core/error.h"

namespace arzoo::forecast {

RandomInputs RandomInputs::repeatable() {
  RandomInputs random_inputs;
  random_inputs.generator_ = at::make_generator<at::CPUGeneratorImpl>(uint64_t{0});
  return random_inputs;
}

RandomInputs RandomInputs::replayed(const runtime::NamedTensors& recorded) {
  RandomInputs random_inputs;
  random_inputs.recorded_ = &recorded;
  return random_inputs;
}

at::Tensor RandomInputs::integers(const std::string& name, int64_t below, at::IntArrayRef size) {
  if (recorded_ == nullptr) return at::randint(0, below, size, generator_, at::kLong);
  const auto& recorded = recorded_->at(name);
  if (recorded.sizes() != size || recorded.scalar_type() != at::kLong) {
    fail<DataError>("{}: int64 [{}] expected, got {} [{}]", name, fmt::join(size, ", "),
                    c10::toString(recorded.scalar_type()), fmt::join(recorded.sizes(), ", "));
  }
  if (recorded.numel() > 0 && (recorded.min().item<int64_t>() < 0 || recorded.max().item<int64_t>() >= below))
    fail<DataError>("{}: a number outside 0..{}", name, below - 1);
  return recorded;
}

}  // namespace arzoo::forecast
