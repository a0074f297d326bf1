#include "tasks/speed_suite.h"

#include "plan/run_config.h"
#include "tasks/suite_results.h"

namespace arzoo::tasks {
namespace {

namespace fs = std::filesystem;

/// seq_len: one of the cell's lengths, or 0.
ResolvedSpeedCell resolve(const SpeedCell& cell, const plan::SpeedTask& task, int64_t seq_len) {
  auto overrides = cell.set;
  const bool stream = cell.work == "stream";
  for (const auto& key : cell.length_keys) {
    if (seq_len > 0) overrides.push_back(fmt::format("{}={}", key, seq_len));
  }
  if (cell.batch_size && !stream)
    overrides.push_back(fmt::format("training.batch_size={}", *cell.batch_size));
  const auto path = task.folder / cell.config;
  ResolvedSpeedCell resolved{cell, seq_len > 0 ? fmt::format("{}, L = {}", cell.name, seq_len) : cell.name,
                             seq_len,
                             plan::resolve_run_config(Config::load(path, overrides), path.parent_path())};
  if (task.compute.seed) resolved.config["seed"] = *task.compute.seed;
  if (!stream) resolved.batch_size = resolved.config.at("training").at("batch_size").get<int64_t>();
  return resolved;
}

}  // namespace

SpeedSuite read_speed_suite(const plan::SpeedTask& task) {
  auto json = task.suite.json();
  if (json.is_object()) json.erase("$schema");
  return Config(std::move(json), task.suite.name(), task.suite.pointer()).as<SpeedSuite>();
}

std::vector<ResolvedSpeedCell> resolve_speed_cells(const SpeedSuite& suite, const plan::SpeedTask& task) {
  std::vector<ResolvedSpeedCell> cells;
  for (const auto& cell : suite.cells) {
    if (!is_wanted(task.only, cell.name)) continue;
    if (cell.lengths.empty()) cells.push_back(resolve(cell, task, 0));
    for (const auto length : cell.lengths) cells.push_back(resolve(cell, task, length));
  }
  if (cells.empty()) fail_unwanted(task.suite, task.only);
  return cells;
}

std::vector<std::string> reference_command(const std::vector<std::string>& reference,
                                           const fs::path& folder) {
  auto command = reference;
  for (auto& argument : command) {
    const auto beside = folder / argument;
    if (!fs::is_regular_file(argument) && fs::is_regular_file(beside))
      argument = beside.lexically_normal().string();
  }
  return command;
}

}  // namespace arzoo::tasks
