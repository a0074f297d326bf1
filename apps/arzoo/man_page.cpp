#include "man_page.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "build_version.h"
#include "help_format.h"
#include "value_kind.h"

namespace arzoo::cli {
namespace {

/// Text as roff prints it: no line begins a request, and hyphens stay those that a shell knows.
std::string roff(const std::string& text) {
  std::string escaped;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) escaped += "\\&";
    if (c == '\\') {
      escaped += "\\e";
    } else {
      escaped += c == '-' ? "\\-" : std::string(1, c);
    }
    line_begins = c == '\n';
  }
  return escaped;
}

std::string options_of(const CLI::App& app, bool positional) {
  std::string text;
  for (const auto* option : app.get_options()) {
    if (option->get_positional() != positional) continue;
    text += fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(option_name(*option)), roff(option->get_description()));
  }
  return text;
}

/// A command and those below it, each with its name in full.
std::string command_text(const CLI::App& app, const std::string& path) {
  auto text = fmt::format(".SS {}\n{}\n", roff(path), roff(app.get_description()));
  text += options_of(app, true) + options_of(app, false);
  if (!app.get_footer().empty()) text += fmt::format(".PP\n.nf\n{}\n.fi\n", roff(app.get_footer()));
  for (const auto* command : subcommands(app))
    text += command_text(*command, path + ' ' + command->get_name());
  return text;
}

constexpr const char* kManTail = R"(.SH EXIT STATUS
.TP
\fB0\fR
done
.TP
\fB1\fR
an internal failure, or the device's
.TP
\fB2\fR
a wrong command line or config
.TP
\fB3\fR
an input file that cannot be used
.TP
\fB4\fR
a check failed: parity, regression
.TP
\fB130\fR, \fB143\fR
interrupted by SIGINT or SIGTERM, with the state saved
)";

}  // namespace

std::string man_page(const CLI::App& root) {
  auto text = fmt::format(".TH ARZOO 1 \"\" \"arzoo {}\" \"User Commands\"\n", kVersion);
  text += fmt::format(".SH NAME\narzoo \\- {}\n", roff(root.get_description()));
  text += ".SH SYNOPSIS\n\\fBarzoo\\fR \\fICOMMAND\\fR [\\fIoptions\\fR]\n.SH OPTIONS\n" +
          options_of(root, false);
  text += ".SH COMMANDS\n";
  for (const auto* command : subcommands(root)) text += command_text(*command, command->get_name());
  return text + kManTail;
}

}  // namespace arzoo::cli
