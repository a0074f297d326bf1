#pragma once

#include <memory>
#include <string_view>

#include "forecast/baselines/baseline_cards.h"
#include "forecast/zero_shot_model.h"

/// Classical forecasters that need no training folder: they are fitted to each series, in milliseconds, when
/// they forecast it. What a trained model must beat to be worth its time.
namespace arzoo::forecast {

/// The baseline of one of kBaselineCards; null for another name.
std::unique_ptr<ZeroShotModel> make_baseline(std::string_view name);

}  // namespace arzoo::forecast
