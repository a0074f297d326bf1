#pragma once

#include <initializer_list>

#include "core/json.h"

namespace arzoo::forecast {

/// Official scripts write flags as 0 and 1. Other values stay as they are, and are refused when they are
/// read.
inline Json with_boolean_flags(Json flat, std::initializer_list<const char*> flags) {
  for (const char* flag : flags) {
    const auto found = flat.find(flag);
    if (found != flat.end() && (*found == 0 || *found == 1) && found->is_number_integer())
      *found = found->get<int>() == 1;
  }
  return flat;
}

}  // namespace arzoo::forecast
