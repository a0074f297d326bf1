#pragma once

#include <array>
#include <string_view>

namespace arzoo::forecast {

struct BaselineCard {
  std::string_view name, summary, source;
};

/// The baseline that others are measured by.
inline constexpr const char* kNaiveBaseline = "seasonal_naive";

/// The baselines (baseline_models.h), known without torch.
inline constexpr std::array<BaselineCard, 5> kBaselineCards{
    {{kNaiveBaseline, "repeats the last season", "Hyndman & Athanasopoulos, Forecasting, 5.2"},
     {"drift", "the line through the first and the last value", "Hyndman & Athanasopoulos, Forecasting, 5.2"},
     {"theta", "exponential smoothing and half the trend, seasons taken out",
      "Assimakopoulos & Nikolopoulos 2000, doi:10.1016/S0169-2070(00)00066-2"},
     {"ets", "exponential smoothing, the form chosen by AICc", "Hyndman, Koehler, Ord & Snyder 2008"},
     {"linear", "one linear map fitted to all series together", "Zeng et al. 2023, arXiv:2205.13504"}}};

}  // namespace arzoo::forecast
