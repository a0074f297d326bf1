#pragma once

#include "core/config.h"
#include "runtime/losses.h"

namespace arzoo::runtime {

/// {name: value, …}
inline Json metrics_json(const Metrics& metrics) {
  Json json = Json::object();
  for (const auto& [name, value] : metrics) json[name] = value;
  return json;
}

}  // namespace arzoo::runtime
