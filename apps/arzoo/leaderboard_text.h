#pragma once

#include <string>

#include "core/config.h"

namespace arzoo::cli {

/// The "leaderboard" of a backtest or a search as a table, the best model first.
std::string leaderboard_text(const Json& leaderboard);

}  // namespace arzoo::cli
