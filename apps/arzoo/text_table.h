#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/markdown_table.h"

namespace arzoo::cli {

/// The table with a header line, columns aligned by spaces, numbers to the right, nothing behind a line's
/// last cell.
std::string aligned(const Table& table);

/// Labels and their texts.
using LabelledRows = std::vector<std::pair<std::string, std::string>>;

/// "label  text" lines, the texts below each other; control characters become spaces.
std::string labelled(const LabelledRows& rows);

/// 4.2 MB; bytes as they are below 1 kB.
std::string byte_text(double bytes);

}  // namespace arzoo::cli
