#pragma once

#include <string>

#include "core/config.h"

/// The "data" and "evaluation" sections of a dynamic graph's config. No torch in here.
namespace arzoo::graph {

struct DataOptions {
  std::string path;
  int64_t window = 1200;
  std::string node_features = "names";
  double validation_part = 0.15;
  double test_part = 0.15;

  static void fields(auto& o, auto& field) {
    field("path", o.path, a_path(),
          "CSV file of events, gzipped or not, relative to the config file: src, dst and time (seconds), and "
          "perhaps label; all other columns are features of the events");
    field("window", o.window, between(1, 1 << 24), "newest events that a prediction is made of");
    field("node_features", o.node_features, one_of({"names", "none"}),
          "what is known of a node besides its events: its name, the parts of which up to each \"/\" are "
          "hashed; or nothing");
    field("validation_part", o.validation_part, from_below(0, 1),
          "share of the events that validates, before those that test");
    field("test_part", o.test_part, from_below(0, 1), "share of the events, the last ones, that tests");
  }
  void check() const {
    require(validation_part + test_part < 1.0,
            "validation_part ({}) and test_part ({}) leave no events to train on", validation_part,
            test_part);
  }
};

struct EvaluationOptions {
  int64_t batch_size = 100;
  int64_t negatives = 20;
  int64_t max_events = 0;

  static void fields(auto& o, auto& field) {
    field("batch_size", o.batch_size, between(1, 1 << 20),
          "events that are predicted of the same window, all of them later than it");
    field("negatives", o.negatives, between(1, 10000),
          "random targets that each true one is ranked among; AP and AUC take the first of them");
    field("max_events", o.max_events, at_least(0),
          "events of a split that are evaluated, the first ones; 0 for all");
  }
};

}  // namespace arzoo::graph
