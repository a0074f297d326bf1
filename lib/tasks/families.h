#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/progress.h"
#include "runtime/device.h"
#include "runtime/experiment.h"
#include "runtime/parity.h"

namespace arzoo::tasks {

/// How large a model is.
struct ModelSize {
  int64_t parameters = 0;
  int64_t activated = 0;  ///< those that one token passes through; fewer where experts are sparse
};

/// How a family looks into a trained model for a suite's cell ("study").
struct Study {
  /// Every option in force; ConfigError.
  Json (*resolve)(const Config& options);
  /// run: resolved config of the training; model: folder of the saved model; out: for tables and charts.
  /// Returns {"test": {name: number}, "markdown": text, "tables": [{"name", "rows"}], "charts": [file in
  /// out]}.
  Json (*run)(const Config& options, const Config& run, const std::filesystem::path& model,
              const std::filesystem::path& out, Progress& progress);
};

/// What the tasks need of a family; the torch side of plan/catalog.h.
struct Family {
  std::string_view name;  ///< as in plan::families()
  /// An experiment for a resolved config, with what the user should know about the data ("12 missing cells
  /// interpolated").
  std::unique_ptr<runtime::Experiment> (*experiment)(const Config& config, const runtime::Compute& compute,
                                                     std::vector<std::string>& notes);
  /// The size of a model with these options and the family's default data.
  ModelSize (*size_of)(const Config& model);
  runtime::ParityReplay replay;
  std::vector<std::string_view> fixture_folders;  ///< names of the folders that its cases lie in
  std::optional<Study> study = std::nullopt;
};

/// All families; the only place that lists them. Throws ConfigError for a model of none, CheckpointError for
/// a fixture of none.
const Family& family_of_model(const Config& model_section);
const Family& family_of_fixture(const runtime::ParityCase& fixture);

}  // namespace arzoo::tasks
