#pragma once

#include <tuple>

#include "class_gaussian.h"
#include "dlinear.h"

namespace arzoo::forecast {

/// The forecasters of this folder.
using OutsideModels = std::tuple<DLinearOptions>;

}  // namespace arzoo::forecast

namespace arzoo::image {

/// The image models of this folder.
using OutsideModels = std::tuple<ClassGaussianOptions>;

}  // namespace arzoo::image
