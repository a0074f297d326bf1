#pragma once

#include <CLI/CLI.hpp>

#include "core/json.h"

namespace arzoo::cli {

/// A flag for each option of generation that a model of the command declares ("top_k": --top-k). What is
/// given goes into `sampling` by its key; the model that is opened checks that it knows it.
void add_generation_options(CLI::App& command, Json& sampling);

}  // namespace arzoo::cli
