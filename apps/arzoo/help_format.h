#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace arzoo::cli {

/// The layout of --help: usage, what the command does, commands, arguments, options by group, an example; 100
/// columns wide.
class HelpFormat : public CLI::FormatterBase {
 public:
  /// `arguments` stand in the usage line instead of those that the declarations make required.
  explicit HelpFormat(std::string arguments = "") : arguments_(std::move(arguments)) {}

  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;

 private:
  std::string arguments_;
};

/// "-m, --model M", "SUITE.json", "--input CSV...".
std::string option_name(const CLI::Option& option);

}  // namespace arzoo::cli
