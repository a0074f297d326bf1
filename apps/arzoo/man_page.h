#pragma once

#include <string>

#include "invocation.h"

namespace arzoo::cli {

/// The manual page arzoo(1), made from the command line itself: every command with its options and example.
std::string man_page(const CLI::App& root);

}  // namespace arzoo::cli
