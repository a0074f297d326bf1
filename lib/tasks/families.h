#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "runtime/device.h"
#include "runtime/experiment.h"
#include "runtime/parity.h"

namespace arzoo::tasks {

/// What the tasks need of a family; the torch side of plan/catalog.h.
struct Family {
  std::string_view name;  ///< as in plan::families()
  /// An experiment for a resolved config, with what the user should know about the data ("12 missing cells
  /// interpolated").
  std::unique_ptr<runtime::Experiment> (*experiment)(const Config& config, const runtime::Compute& compute,
                                                     std::vector<std::string>& notes);
  /// Parameters of a model with these options and the family's default data.
  int64_t (*count_parameters)(const Config& model);
  runtime::ParityReplay replay;
  std::vector<std::string_view> fixture_folders;  ///< names of the folders that its cases lie in
};

/// All families; the only place that lists them. Throws ConfigError for a model of none, CheckpointError for
/// a fixture of none.
const Family& family_of_model(const Config& model_section);
const Family& family_of_fixture(const runtime::ParityCase& fixture);

}  // namespace arzoo::tasks
