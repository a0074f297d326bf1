#pragma once

#include <filesystem>

#include "core/config.h"
#include "core/markdown_table.h"

namespace arzoo::tasks {

/// How one cell's time and memory grow with the length of the input.
struct Scaling {
  std::string name;
  std::vector<double> lengths, ms, mib;  ///< mib: working memory, beyond what the model itself needs
  double time_exponent = 0.0;            ///< b of a least-squares fit t = a L^b over the longest lengths
  double memory_exponent = 0.0;
};

/// One for each group of rows of `bench speed` that differ in seq_len alone, in their order.
std::vector<Scaling> fit_scaling(const std::vector<Json>& rows);
Json scaling_json(const std::vector<Scaling>& scaling);
Table scaling_table(const std::vector<Scaling>& scaling);

/// Writes table.md, .csv and .json, report.html and, where there is scaling, time.svg and memory.svg. An
/// empty folder: nothing. Throws as AtomicFile does.
void write_speed_results(const std::filesystem::path& folder, const Json& result, const Table& table,
                         const std::vector<Scaling>& scaling);

}  // namespace arzoo::tasks
