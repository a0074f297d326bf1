#pragma once

#include "core/config.h"

namespace arzoo {

/// The options among the members of an official configuration; what else it says means nothing here.
template <class Options>
Options options_among(const Config& official) {
  Json kept = Json::object();
  for (const auto& field : describe<Options>()) {
    const auto name = field.pointer.substr(1);
    if (official.has(name)) kept[name] = official.json().at(name);
  }
  return Config(std::move(kept), official.name(), official.pointer()).template as<Options>();
}

}  // namespace arzoo
