#pragma once

#include <tuple>

#include "dlinear.h"

namespace arzoo::forecast {

/// The forecasters of this folder.
using OutsideModels = std::tuple<DLinearOptions>;

}  // namespace arzoo::forecast
