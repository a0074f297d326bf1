#pragma once

#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/options_among.h"

/// A model's options of generation (Options::Generation): declared once, they are flags of the command line,
/// the "sampling" of a model's folder and of a config's evaluation. No torch in here.
namespace arzoo::runtime {

/// "--top-k" of "top_k".
inline std::string flag_of(std::string key) {
  std::replace(key.begin(), key.end(), '_', '-');
  return "--" + key;
}

/// The options in force: what was asked for, else what the model's folder says, else the published defaults.
/// Members of `folder` that mean nothing to the model are left out; those of `asked` are refused with
/// UsageError. Both are objects or null. Throws ConfigError for a value out of range.
template <class Generation>
Generation generation_options(const Json& asked, const Json& folder, std::string_view model) {
  Json known = Json::object();
  for (const auto& [key, value] : folder.items()) {
    if (!value.is_null()) known[key] = value;
  }
  Json merged = to_json(options_among<Generation>(Config(std::move(known), "sampling")));
  for (const auto& [key, given] : asked.items()) {
    if (!merged.contains(key)) {
      std::vector<std::string> flags;
      for (const auto& [own, ignored] : merged.items()) flags.push_back(flag_of(own));
      fail<UsageError>("{}: means nothing to a {} (it has {})", flag_of(key), model, fmt::join(flags, ", "));
    }
    // The command line gives a list where some model takes one.
    const Json& value = given.is_array() && given.size() == 1 ? given.front() : given;
    try {
      Json alone = Json::object();
      alone[key] = value;
      Config(std::move(alone), flag_of(key)).template as<Generation>();
    } catch (const ConfigError& error) {
      fail<UsageError>("{}", error.what());
    }
    merged[key] = value;
  }
  return Config(std::move(merged), "sampling").as<Generation>();
}

}  // namespace arzoo::runtime
