#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/config.h"
#include "plan/tasks.h"
#include "runtime/suite_cell.h"

namespace arzoo::tasks {

/// A cell of `bench table`: it trains a config ("config", "set"), or evaluates what is there.
struct TableCell {
  std::string name;
  std::vector<std::pair<std::string, double>> published;
  std::string source = {};  ///< of the published numbers: paper and table
  Json config;              ///< resolved; null in a cell that trains nothing
  Json study = nullptr;     ///< resolved; null where the trained model is not looked into
  std::shared_ptr<const runtime::Evaluation> evaluation = {};
  std::string beside = {};  ///< the cell whose costs this one's are compared with

  std::vector<std::filesystem::path> inputs() const;
};

/// The cells of task.suite that task.only chooses, with task.compute.seed in force where it is given. Throws
/// ConfigError, and UsageError when there are none.
std::vector<TableCell> read_table_cells(const plan::TableTask& task);

}  // namespace arzoo::tasks
