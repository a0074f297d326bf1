#pragma once

#include <functional>
#include <string>

#include "runtime/parity.h"

/// Numbers of a replay that rounding decides: processors add in different orders, and an optimiser turns a
/// gradient that is 0 but for rounding into a whole step.
namespace arzoo::runtime {

/// Of fp32: what repetitions of a replay change its start by, to measure how far rounding moves its result.
constexpr double kLastBit = 1.2e-7;

/// How far repetitions were from the first run, and the most that is ever excused; both as the values.
struct RoundingNoise {
  at::Tensor spread, most;
};

/// Gives elements of `values` that are outside of the case's tolerance their expected values, if they are off
/// by no more than twice the spread. Notes both for each place, which is what `place` calls an element.
void accept_noise(const ParityCase& fixture, const at::Tensor& values, const at::Tensor& expected,
                  const RoundingNoise& noise, const std::function<std::string(int64_t index)>& place);

}  // namespace arzoo::runtime
