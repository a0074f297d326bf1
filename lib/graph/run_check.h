#pragma once

#include "core/zoo.h"
#include "graph/data_options.h"
#include "graph/todyformer.h"

/// What must hold between a model and its data. No torch in here.
namespace arzoo::graph {

/// run: a resolved config. Throws ConfigError.
inline void check_run(const Config& run) {
  const auto data = run.at("data");
  const auto window = data.as<DataOptions>().window;
  const auto patches = model_options<TodyformerOptions>(run.at("model")).patches;
  if (window < patches)
    data.at("window").reject(fmt::format("{} events make no {} patches (model.patches)", window, patches));
}

}  // namespace arzoo::graph
