#include "runtime/rounding_noise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace arzoo::runtime {

void accept_noise(const ParityCase& fixture, const at::Tensor& values, const at::Tensor& expected,
                  const RoundingNoise& noise, const std::function<std::string(int64_t index)>& place) {
  struct Excuse {
    double off = 0.0, spread = 0.0;
  };
  std::map<std::string, Excuse> excuses;
  const auto own = values.flatten(), wanted = expected.flatten();
  const auto spread = noise.spread.flatten(), most = noise.most.flatten();
  for (int64_t i = 0; i < own.numel(); ++i) {
    const auto value = own[i].item<double>(), target = wanted[i].item<double>();
    const double off = std::abs(value - target), measured = spread[i].item<double>();
    if (off <= fixture.tolerance.atol + fixture.tolerance.rtol * std::abs(target)) continue;
    if (!(off <= std::min(2.0 * measured, most[i].item<double>()))) continue;
    own[i] = target;
    auto& excuse = excuses[place(i)];
    if (off > excuse.off) excuse = {off, measured};
  }
  if (!own.is_alias_of(values)) values.copy_(own.view(values.sizes()));
  for (const auto& [what, excuse] : excuses) {
    fixture.notes->push_back(
        fmt::format("{}: {} is off by {:.2g}, and moves by {:.2g} when the last bit of its start changes",
                    fixture.name, what, excuse.off, excuse.spread));
  }
}

}  // namespace arzoo::runtime
