#pragma once

#include "core/config.h"
#include "support/one_thread.h"
#include "support/series.h"

namespace arzoo::test {

/// A resolved config of an iTransformer that trains in milliseconds on the CSV file `path`. `changes` is a
/// JSON merge patch, e.g. {{"data", {{"features", "S"}}}}.
inline Json tiny_config(const fs::path& path, const Json& changes = Json::object()) {
  Json config = Json::parse(R"({
    "model": {"name": "itransformer", "d_model": 16, "n_heads": 2, "e_layers": 1, "d_ff": 16},
    "data": {"seq_len": 12, "label_len": 6, "pred_len": 4},
    "training": {"epochs": 2, "batch_size": 16, "learning_rate": 0.001, "log_every": 5},
    "evaluation": {"batch_size": 32},
    "seed": 1,
    "output": "unused"
  })");
  config["data"]["path"] = path.string();
  config.merge_patch(changes);
  return config;
}

}  // namespace arzoo::test
