#pragma once

#include <string>
#include <tuple>

#include "icl/data_options.h"
#include "icl/models.h"

/// What must hold between a learner and its data. No torch in here.
namespace arzoo::icl {

/// The section of the data that a learner reads (Options::kData).
inline std::string section_of(const std::string& model) {
  std::string section;
  const auto find = [&]<class Options>(const Options&) {
    if (model == Options::kName) section = Options::kData;
  };
  std::apply([&](const auto&... options) { (find(options), ...); }, Models());
  return section;
}

/// A learner's prompts are described by one section; the others must be left alone. run: a resolved config.
/// Throws ConfigError.
inline void check_run(const Config& run) {
  const auto model = run.at("model").text("name");
  const auto own = section_of(model);
  const Json defaults = to_json(DataOptions());
  for (const auto& [key, section] : run.at("data").members()) {
    if (!section.json().is_object() || key == own || section.json() == defaults.at(key)) continue;
    section.reject(fmt::format("{} does not read this section (it reads \"{}\")", model, own));
  }
}

}  // namespace arzoo::icl
