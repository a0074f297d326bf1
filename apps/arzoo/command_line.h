#pragma once

#include <memory>
#include <string>
#include <vector>

#include "invocation.h"

namespace arzoo::cli {

/// The whole command line. It refers to `invocation` and fills it when words are parsed.
std::unique_ptr<CLI::App> make_command_line(Invocation& invocation);

/// Parses the words behind the program's name and chooses `invocation.action`. Help and the version are
/// actions too. Throws UsageError for everything that the command line does not know, naming the nearest
/// thing that it does.
void parse_words(CLI::App& root, Invocation& invocation, std::vector<std::string> words);

}  // namespace arzoo::cli
