#pragma once

#include "core/config.h"
#include "support/one_thread.h"
#include "support/series.h"

namespace arzoo::test {

/// Waves of unequal length and scale, one a line.
inline std::string sequence_lines(int64_t series) {
  std::string text;
  for (int64_t i = 0; i < series; ++i) {
    text += "{\"sequence\": [";
    for (int64_t hour = 0; hour < 40 + 10 * i; ++hour)
      text += fmt::format("{}{}", hour > 0 ? ", " : "", wave(hour, i));
    text += "]}\n";
  }
  return text;
}

/// A config of a Time-MoE that trains in milliseconds on the sequences at `data`; `changes` is a merge patch.
inline Json sequence_config(const fs::path& data, const Json& changes = Json::object()) {
  Json config = Json::parse(R"({
    "model": {"name": "time_moe", "hidden_size": 16, "intermediate_size": 20, "horizon_lengths": [1, 8],
              "num_hidden_layers": 2, "num_attention_heads": 2, "num_experts": 3, "initializer_range": 0.3},
    "data": {"sequences": {"max_length": 24, "validation": 0.25}},
    "training": {"epochs": 2, "batch_size": 4, "optimizer": "adamw", "learning_rate": 0.001, "log_every": 2},
    "evaluation": {"batch_size": 3},
    "seed": 1
  })");
  config["data"]["sequences"]["path"] = data.string();
  config.merge_patch(changes);
  return config;
}

}  // namespace arzoo::test
