#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/config.h"

namespace arzoo::tasks {

/// What one cell of a baseline runs, and how far it may be from what is stored.
struct RegressOptions {
  std::string name;
  std::string config;
  std::vector<std::string> set;
  std::vector<std::string> works = {"train_step"};
  double tolerance = 1e-3;
  double slowdown = 1.5;

  static void fields(auto& o, auto& field) {
    field("name", o.name, {}, "what the cell is called");
    field("config", o.config, {}, "training config, relative to the baseline; trained, then evaluated");
    field("set", o.set, {}, "overrides, as --set takes them");
    field("works", o.works, one_of({"train_step", "inference", "stream", "generate"}),
          "what is timed beside the calibration kernel, as in bench speed");
    field("tolerance", o.tolerance, more_than(0),
          "largest change of a metric, in parts of what is stored; of a stored 0 the change itself");
    field("slowdown", o.slowdown, more_than(1), "largest time in multiples of what is stored");
  }
  void check() const { require(!name.empty() && !config.empty(), "name and config are needed"); }
};

using NamedNumbers = std::vector<std::pair<std::string, double>>;

/// A cell and what is stored for it.
struct RegressCell {
  RegressOptions options;
  NamedNumbers metrics;  ///< of the test split, or of validation where there is none
  NamedNumbers times;    ///< of each work, in multiples of the calibration kernel's
};

/// A baseline file:
///
///     {"title": "…", "cells": [{"name": …, "config": …, "metrics": {"mse": 0.71}, "times":
///     {"train_step": 3.2}}]}
struct Baseline {
  std::filesystem::path file;
  std::string title;
  std::vector<RegressCell> cells;
};

/// Throws UsageError for a missing file, ConfigError.
Baseline read_baseline(const std::filesystem::path& file);
/// The same file with other numbers; whatever else is in it stays. Throws as read_baseline does,
/// SystemFailure.
void write_baseline(const Baseline& baseline);

}  // namespace arzoo::tasks
