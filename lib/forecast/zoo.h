#pragma once

#include "core/zoo.h"
#include "forecast/forecaster.h"

namespace arzoo::forecast {

/// Builds the forecaster that a "model" section describes. Throws ConfigError for an unknown name or option,
/// and for a model that memory cannot hold.
std::shared_ptr<Forecaster> build(const Config& model, const SeriesShape& shape);

/// A "model" section and a shape read from the flat config.json of an official checkpoint or fixture
/// ("model": "iTransformer", "seq_len": 96, "d_model": 512, …, or Hugging Face's "model_type"); keys that
/// mean nothing to the model are left out. `marks`: calendar features per step.
struct OfficialConfig {
  Config model;
  SeriesShape shape;
};
OfficialConfig read_official_config(const Config& flat, int64_t marks);

}  // namespace arzoo::forecast
