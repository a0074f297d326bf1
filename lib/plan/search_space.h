#pragma once

#include <vector>

#include "core/config.h"
#include "registry/catalog.h"

namespace arzoo::plan {

/// One searched value of a config and what it may be.
struct SearchDimension {
  std::string key;            ///< dotted: "training.learning_rate"
  std::vector<Json> choices;  ///< equally likely; empty for a range
  double low = 0.0, high = 0.0;
  double step = 0.0;     ///< multiples of it from low on; 0: any value
  bool log = false;      ///< uniform in the logarithm
  bool integer = false;  ///< as the config's field is

  /// The value for a uniform number in (0, 1). Those of a range without steps have four significant digits.
  Json value(double uniform) const;
  /// How many values there are; 0 for a range without end.
  int64_t count() const;
};

/// What `arzoo tune` searches: {"training.learning_rate": {"low": 1e-4, "high": 1e-2, "log": true},
/// "model.d_model": [16, 32, 64], "model.e_layers": {"low": 1, "high": 4}}. A list holds the choices, an
/// object a range with both ends; a range of an integer field has integers.
class SearchSpace {
 public:
  /// Checks the space against the fields of this model's configs. Throws ConfigError for a key that is none
  /// of them (naming the nearest), one that the search sets itself (training.epochs, training.max_steps) and
  /// a value outside its field's rule.
  SearchSpace(const Config& space, const registry::ModelChoice& choice);

  const std::vector<SearchDimension>& dimensions() const { return dimensions_; }
  /// {key: value} of draw number `draw`: a function of these numbers alone.
  Json draw(int64_t seed, int64_t draw) const;

 private:
  std::vector<SearchDimension> dimensions_;
};

/// "a.b=value" for each of {"a.b": value}: what Config::parse takes.
std::vector<std::string> overrides_of(const Json& values);

}  // namespace arzoo::plan
