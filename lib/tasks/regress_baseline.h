#pragma once

#include <filesystem>
#include <map>
#include <optional>
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
  double slowdown = 1.3;
  double slowdown_elsewhere = 3.0;

  static void fields(auto& o, auto& field) {
    field("name", o.name, {}, "name of the cell");
    field("config", o.config, {}, "training config, relative to the suite; trained, then evaluated");
    field("set", o.set, {}, "overrides, as --set takes them");
    field("works", o.works, one_of({"train_step", "inference", "stream", "generate"}),
          "what is timed beside the calibration kernel, as in bench speed");
    field("tolerance", o.tolerance, more_than(0),
          "largest relative change of a metric; the absolute change if the stored value is 0");
    field("slowdown", o.slowdown, more_than(1),
          "largest time in multiples of the one that is stored for this processor");
    field("slowdown_elsewhere", o.slowdown_elsewhere, more_than(1),
          "the same on a processor without stored times, in multiples of the others' longest");
  }
  void check() const {
    require(!name.empty() && !config.empty(), "name and config are needed");
    require(slowdown <= slowdown_elsewhere, "slowdown {} is more than slowdown_elsewhere {}", slowdown,
            slowdown_elsewhere);
  }
};

/// A suite file. No torch in here.
struct RegressSuite {
  std::string title;
  int64_t rounds = 7;
  double round_seconds = 0.1;
  std::vector<RegressOptions> cells;

  static void fields(auto& o, auto& field) {
    field("title", o.title, {}, "heading of the results");
    field("rounds", o.rounds, between(1, 1000),
          "number of rounds; each times the work and the calibration kernel in turn");
    field("round_seconds", o.round_seconds, between(0.001, 60),
          "approximate time of each measurement in a round");
    field("cells", o.cells, nonempty(), "what to run");
  }
};

using NamedNumbers = std::vector<std::pair<std::string, double>>;

/// A stored time, and whether it is of the processor that it was asked for.
struct StoredTime {
  double value = 0.0;
  bool own = false;
};

/// What is stored for a cell. Times are of each work, in multiples of the calibration kernel's.
struct StoredCell {
  NamedNumbers metrics;  ///< of the test split, or of validation where there is none
  NamedNumbers times;    ///< of a processor whose name is not known
  std::map<std::string, NamedNumbers> processors;  ///< times by the processor's name

  /// The processor's own time of a work; where there is none, the longest of all; where there is none of
  /// those either, nothing.
  std::optional<StoredTime> time(const std::string& processor, const std::string& work) const;
};

/// The number of that name, if there is one.
std::optional<double> number_called(const NamedNumbers& numbers, const std::string& name);

/// A baseline file, by the names of a suite's cells:
///
///     {"itransformer": {"metrics": {"mse": 0.71}, "processors": {"AMD EPYC, …": {"train_step": 3.2}}}, …}
class Baseline {
 public:
  /// must_exist: a file that is not there is a UsageError and not an empty baseline. Throws ConfigError.
  Baseline(std::filesystem::path file, bool must_exist);

  /// What is stored for a cell, nothing for one that is new.
  const StoredCell& at(const std::string& cell) const;
  void store(const std::string& cell, StoredCell numbers) { cells_[cell] = std::move(numbers); }
  /// Throws SystemFailure.
  void write() const;

 private:
  std::filesystem::path file_;
  std::map<std::string, StoredCell> cells_;
};

}  // namespace arzoo::tasks
