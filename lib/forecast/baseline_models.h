#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "forecast/zero_shot_model.h"

/// Classical forecasters that need no training folder: they are fitted to each series, in milliseconds, when
/// they forecast it. What a trained model must beat to be worth its time.
namespace arzoo::forecast {

struct BaselineCard {
  std::string_view name, summary, source;
};

/// seasonal_naive, drift, theta, ets, linear.
const std::vector<BaselineCard>& baseline_cards();

/// Null for a name that is none of them.
std::unique_ptr<ZeroShotModel> make_baseline(std::string_view name);

}  // namespace arzoo::forecast
