#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/config.h"

namespace arzoo::tasks {

/// The first file or folder that a run of this resolved config reads and that is not there; empty when all
/// are. For benches, which leave such cells out.
std::string missing_input(const Json& config);

/// The first of these that is named and not there; empty when all are.
std::string first_missing(const std::vector<std::filesystem::path>& inputs);

/// Name, size and time of each file, and of the files below each folder, sorted: what tells that a result
/// was made of the same inputs. What is not there is left out.
Json file_stamps(const std::vector<std::filesystem::path>& inputs);

}  // namespace arzoo::tasks
