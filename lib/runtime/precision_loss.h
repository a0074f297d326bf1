#pragma once

#include <optional>
#include <string_view>

namespace arzoo::runtime {

/// What a lower precision costs a model, measured: the relative increase of its metric (0.01: one percent; 0
/// where it did not get worse). Nothing where it was not measured.
struct PrecisionLoss {
  std::string_view model;                              ///< Options::kName
  std::optional<double> bf16, int8;                    ///< of inference
  std::optional<double> bf16_training = std::nullopt;  ///< of the trained model, evaluated in fp32
};

}  // namespace arzoo::runtime
