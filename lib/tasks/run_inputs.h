#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/config.h"

namespace arzoo::tasks {

/// The first of these that is named and not there; empty when all are. Benches leave out what lacks an input.
std::string first_missing(const std::vector<std::filesystem::path>& inputs);

/// "data/ETT/ETTh1.csv is not there (scripts/get_data.sh etth1 fetches it)"
std::string absence_of(const std::string& input);

/// Name, size and CRC-32 of each file, and of the files below each folder, sorted: what tells that a result
/// was made of the same inputs. What is not there is left out. Throws CheckpointError for a file that cannot
/// be read.
Json file_digests(const std::vector<std::filesystem::path>& inputs);

}  // namespace arzoo::tasks
