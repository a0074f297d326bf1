#pragma once

#include "core/config.h"

namespace arzoo {

/// The options among the members of an official configuration, or of an older file of ours, under their
/// present or former names; what else it says means nothing here.
template <class Options>
Options options_among(const Config& official) {
  Json kept = Json::object();
  for (const auto& field : describe<Options>()) {
    for (const auto& name : {field.pointer.substr(1), field.rule.former}) {
      if (!name.empty() && official.has(name)) kept[name] = official.json().at(name);
    }
  }
  return Config(std::move(kept), official.name(), official.pointer()).template as<Options>();
}

}  // namespace arzoo
