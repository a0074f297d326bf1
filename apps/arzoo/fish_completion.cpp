#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "completion_script.h"
#include "value_kind.h"

namespace arzoo::cli {
namespace {

constexpr const char* kFishHead = R"fish(# fish completion for arzoo, printed by `arzoo completion fish`.
# For this shell: arzoo completion fish | source

# The command that the words so far name, as in "bench table".
function __arzoo_command
    set -l command ''
    set -l words (commandline -opc)
    for word in $words[2..-1]
        switch "$command $word"
)fish";

constexpr const char* kFishFunctions = R"fish(        end
    end
    echo $command
end

function __arzoo_is
    set -l command (__arzoo_command)
    test "$command" = "$argv"
end

# Whether the last option before the cursor is this one: it takes several values.
function __arzoo_goes_on
    set -l options (string match -- '--*' (commandline -opc))
    test "$options[-1]" = "$argv"
end

complete -c arzoo -f
)fish";

std::string fish_quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

/// "bench table", "" for the program itself.
std::string words_of(const CLI::App& app) {
  if (app.get_parent() == nullptr) return "";
  const auto above = words_of(*app.get_parent());
  return above.empty() ? app.get_name() : above + ' ' + app.get_name();
}

std::string cases_of(const CLI::App& app) {
  std::string text;
  for (const auto* command : subcommands(app)) {
    text +=
        fmt::format("            case {}\n                set command {}\n",
                    fish_quoted(words_of(app) + ' ' + command->get_name()), fish_quoted(words_of(*command)));
    text += cases_of(*command);
  }
  return text;
}

/// The beginning of a completion that holds for `app`, under a further condition when one is given.
std::string offered_by(const CLI::App& app, const std::string& further = "") {
  const auto words = words_of(app);
  const auto is = words.empty() ? std::string("__arzoo_is") : "__arzoo_is " + words;
  return "complete -c arzoo -n " + fish_quoted(further.empty() ? is : is + "; and " + further);
}

/// What fish is told about the values of a kind. Each line of the result is a completion of its own; empty
/// for free text.
std::vector<std::string> fish_offers(const ValueKind& kind) {
  using Source = ValueKind::Source;
  switch (kind.source) {
    case Source::words:
    case Source::models:
      return {"-a " + fish_quoted(fmt::format("{}", fmt::join(kind.words, " ")))};
    case Source::folders:
      return {"-a '(__fish_complete_directories)'"};
    case Source::files: {
      if (kind.suffixes.empty()) return {"-F"};
      std::vector<std::string> offers;
      for (const auto& suffix : kind.suffixes)
        offers.push_back(fmt::format("-k -a '(__fish_complete_suffix {})'", suffix));
      return offers;
    }
    case Source::nothing:
      break;
  }
  return {};
}

std::string option_line(const CLI::App& app, const CLI::Option& option) {
  auto line = offered_by(app);
  for (const auto& name : option.get_snames()) line += " -s " + name;
  for (const auto& name : option.get_lnames()) line += " -l " + name;
  return line;
}

std::string option_completions(const CLI::App& app, const CLI::Option& option) {
  const auto described = " -d " + fish_quoted(option.get_description()) + '\n';
  const auto line = option_line(app, option);
  if (is_flag(option)) return line + described;
  const auto offers = fish_offers(value_kind(option));
  if (offers.empty()) return line + " -x" + described;
  std::string text;
  for (const auto& offer : offers) text += line + (offer == "-F" ? " -r " : " -x ") + offer + described;
  if (!takes_many(option)) return text;
  const auto further = offered_by(app, "__arzoo_goes_on " + dashed_names(option).back());
  for (const auto& offer : offers) text += further + ' ' + offer + '\n';
  return text;
}

std::string completions_of(const CLI::App& app) {
  std::string text = '\n' + fmt::format("# arzoo {}\n", words_of(app));
  for (const auto* command : subcommands(app)) {
    text += fmt::format("{} -a {} -d {}\n", offered_by(app), command->get_name(),
                        fish_quoted(command->get_description()));
  }
  for (const auto* option : app.get_options()) {
    if (!option->get_positional()) {
      text += option_completions(app, *option);
      continue;
    }
    for (const auto& offer : fish_offers(value_kind(*option))) text += offered_by(app) + ' ' + offer + '\n';
  }
  for (const auto* command : subcommands(app)) text += completions_of(*command);
  return text;
}

}  // namespace

std::string fish_completion(const CLI::App& root) {
  return kFishHead + cases_of(root) + kFishFunctions + completions_of(root);
}

}  // namespace arzoo::cli
