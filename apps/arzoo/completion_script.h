#pragma once

#include <string>

#include "invocation.h"

namespace arzoo::cli {

/// Completion scripts made from the command line itself: commands, options, their choices, files of the right
/// kind, and the models' names. They need nothing but the shell, no bash-completion package.
std::string bash_completion(const CLI::App& root);
std::string zsh_completion(const CLI::App& root);
std::string fish_completion(const CLI::App& root);

}  // namespace arzoo::cli
