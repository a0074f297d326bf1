#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace arzoo::cli {

/// What generate-image and generate-3d share: which items of which classes.
struct ItemOptions {
  std::vector<std::string>& classes;
  int64_t& count;
  std::optional<int64_t>& first;
  int64_t& batch_size;
};

/// Declares --class, --count, --first and --batch-size. noun: "picture"; most: items of one run.
void add_item_options(CLI::App& command, const ItemOptions& options, const std::string& noun, int64_t most);

}  // namespace arzoo::cli
