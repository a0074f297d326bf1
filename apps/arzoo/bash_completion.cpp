#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "completion_script.h"
#include "value_kind.h"

namespace arzoo::cli {
namespace {

// Bash splits "--option=value" into three words, and offers nothing by itself for names with spaces.
constexpr const char* kBashHead = R"bash(# bash completion for arzoo, printed by `arzoo completion bash`.
# For this shell: eval "$(arzoo completion bash)"

_arzoo_words() {
  mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur")
}

_arzoo_folders() {
  compopt -o filenames 2> /dev/null
  mapfile -t COMPREPLY < <(compgen -d -- "$cur")
}

# Folders, and the files that end in one of the arguments; all files without arguments.
_arzoo_files() {
  local suffix
  _arzoo_folders
  for suffix in "${@:-}"; do
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -X "!*$suffix" -- "$cur" | while IFS= read -r name; do
      [[ -d $name ]] || printf '%s\n' "$name"
    done)
  done
}

_arzoo() {
  local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} last='' command='' word
  COMPREPLY=()
  if [[ $cur == = ]]; then
    cur=
  elif [[ $previous == = && $COMP_CWORD -ge 2 ]]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == --* ]] && last=$word
    case "$command $word" in
)bash";

constexpr const char* kBashTail = R"bash(  esac
}

complete -F _arzoo arzoo
)bash";

/// "bench table", "" for the program itself.
std::string path_of(const CLI::App& app) {
  if (app.get_parent() == nullptr) return "";
  const auto above = path_of(*app.get_parent());
  return above.empty() ? app.get_name() : above + ' ' + app.get_name();
}

std::string command_patterns(const CLI::App& app) {
  std::string text;
  for (const auto* command : subcommands(app)) {
    text += fmt::format("      \"{} {}\") command=\"{}\" ;;\n", path_of(app), command->get_name(),
                        path_of(*command));
    text += command_patterns(*command);
  }
  return text;
}

/// The shell command that offers values; empty when there is nothing to bash_offer.
std::string bash_offer(const ValueKind& kind) {
  using Source = ValueKind::Source;
  switch (kind.source) {
    case Source::words:
    case Source::models:
      return fmt::format("_arzoo_words {}", fmt::join(kind.words, " "));
    case Source::folders:
      return "_arzoo_folders";
    case Source::files:
      return kind.suffixes.empty() ? "_arzoo_files"
                                   : fmt::format("_arzoo_files {}", fmt::join(kind.suffixes, " "));
    case Source::nothing:
      break;
  }
  return "";
}

/// What is offered right behind an option, by the option.
std::string option_values(const CLI::App& app) {
  std::string text;
  for (const auto* option : app.get_options()) {
    if (option->get_positional() || is_flag(*option)) continue;
    const auto values = bash_offer(value_kind(*option));
    text += fmt::format("        {}) {}return ;;\n", fmt::join(dashed_names(*option), "|"),
                        values.empty() ? "" : values + "; ");
  }
  return text.empty() ? "" : fmt::format("      case $previous in\n{}      esac\n", text);
}

/// The second and later values of an option that takes several.
std::string further_values(const CLI::App& app) {
  std::string text;
  for (const auto* option : app.get_options()) {
    if (option->get_positional() || !takes_many(*option)) continue;
    text += fmt::format("      [[ $last == {} ]] && {} && return\n", dashed_names(*option).back(),
                        bash_offer(value_kind(*option)));
  }
  return text;
}

std::string positional_values(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : subcommands(app)) names.push_back(command->get_name());
  if (!names.empty()) return fmt::format("      _arzoo_words {}\n", fmt::join(names, " "));
  for (const auto* option : app.get_options()) {
    // The kinds of a command's positionals do not differ so much that telling them apart would help.
    if (option->get_positional() && !bash_offer(value_kind(*option)).empty()) {
      return fmt::format("      {}\n", bash_offer(value_kind(*option)));
    }
  }
  return "";
}

std::string command_branches(const CLI::App& app) {
  std::vector<std::string> options;
  for (const auto* option : app.get_options()) {
    if (option->get_positional()) continue;
    options.push_back(dashed_names(*option).back());
  }
  std::string text = fmt::format("    \"{}\")\n{}", path_of(app), option_values(app));
  text += fmt::format("      if [[ $cur == -* ]]; then\n        _arzoo_words {}\n        return\n      fi\n",
                      fmt::join(options, " "));
  text += further_values(app) + positional_values(app) + "      ;;\n";
  for (const auto* command : subcommands(app)) text += command_branches(*command);
  return text;
}

}  // namespace

std::string bash_completion(const CLI::App& root) {
  return kBashHead + command_patterns(root) + "    esac\n  done\n  case $command in\n" +
         command_branches(root) + kBashTail;
}

}  // namespace arzoo::cli
