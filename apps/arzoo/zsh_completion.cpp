#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "completion_script.h"
#include "value_kind.h"

namespace arzoo::cli {
namespace {

constexpr const char* kZshHead = R"zsh(#compdef arzoo
# zsh completion for arzoo, printed by `arzoo completion zsh`.
# For this shell, after compinit: eval "$(arzoo completion zsh)"

)zsh";

constexpr const char* kZshTail =
    R"(# Called by the completion system when it was loaded from fpath, else made known to it.
if [[ ${funcstack[1]} == _arzoo ]]; then
  _arzoo "$@"
else
  compdef _arzoo arzoo
fi
)";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string quoted(const std::string& text) { return '\'' + replaced(text, "'", R"('\'')") + '\''; }

/// Text inside a specification, where colons and brackets mean something.
std::string plain(std::string text) {
  for (const char* special : {"\\", ":", "[", "]"})
    text = replaced(text, special, std::string("\\") + special);
  return text;
}

std::string function_of(const CLI::App& app) {
  if (app.get_parent() == nullptr) return "_arzoo";
  return function_of(*app.get_parent()) + '_' + app.get_name();
}

std::string zsh_offer(const ValueKind& kind) {
  using Source = ValueKind::Source;
  switch (kind.source) {
    case Source::words:
    case Source::models:
      return fmt::format("({})", fmt::join(kind.words, " "));
    case Source::folders:
      return "_files -/";
    case Source::files: {
      if (kind.suffixes.empty()) return "_files";
      std::vector<std::string> patterns;
      for (const auto& suffix : kind.suffixes) patterns.push_back('*' + suffix);
      return fmt::format("_files -g \"{}\"", fmt::join(patterns, " "));
    }
    case Source::nothing:
      break;
  }
  return "";
}

std::vector<std::string> option_specs(const CLI::Option& option) {
  const auto names = dashed_names(option);
  std::string value;
  if (!is_flag(option)) {
    value = fmt::format(":{}:{}", plain(option.get_type_name()), zsh_offer(value_kind(option)));
    // All the words up to the next option.
    if (takes_many(option)) value = ":*-*" + value;
  }
  // An option of one value stands once; a flag's repetition would do no harm but is no use either.
  const bool repeatable = option.get_expected_max() > 1;
  std::vector<std::string> specs;
  for (const auto& name : names) {
    const std::string marker = repeatable ? "*" : fmt::format("({})", fmt::join(names, " "));
    specs.push_back(quoted(marker + name + (is_flag(option) || name.size() == 2 ? "" : "=") + '[' +
                           plain(option.get_description()) + ']' + value));
  }
  return specs;
}

std::vector<std::string> specs_of(const CLI::App& app) {
  std::vector<std::string> specs;
  for (const auto* option : app.get_options()) {
    if (option->get_positional()) {
      const std::string position = takes_many(*option) ? "*" : option->get_required() ? "" : ":";
      specs.push_back(quoted(
          fmt::format("{}:{}:{}", position, plain(option->get_name(true)), zsh_offer(value_kind(*option)))));
      continue;
    }
    for (auto& spec : option_specs(*option)) specs.push_back(std::move(spec));
  }
  return specs;
}

/// A command of commands: offers their names, and leaves the rest of the line to their own functions.
std::string dispatcher(const CLI::App& app, const std::string& specs) {
  std::string names, branches;
  for (const auto* command : subcommands(app)) {
    names += fmt::format("    {}\n", quoted(command->get_name() + ':' + command->get_description()));
    branches += fmt::format("    {}) {} ;;\n", command->get_name(), function_of(*command));
  }
  return fmt::format(R"({}() {{
  local context state state_descr line
  typeset -A opt_args
  local -a commands=(
{}  )
  _arguments -C{} ': :->command' '*:: :->arguments' && return
  case $state in
    command) _describe command commands ;;
    arguments) case ${{line[1]}} in
{}    esac ;;
  esac
}}

)",
                     function_of(app), names, specs, branches);
}

std::string functions(const CLI::App& app) {
  std::string text;
  for (const auto* command : subcommands(app)) text += functions(*command);
  std::string specs;
  for (const auto& spec : specs_of(app)) specs += " \\\n    " + spec;
  if (!subcommands(app).empty()) return text + dispatcher(app, specs);
  return text + fmt::format("{}() {{\n  _arguments{}\n}}\n\n", function_of(app), specs);
}

}  // namespace

std::string zsh_completion(const CLI::App& root) { return kZshHead + functions(root) + kZshTail; }

}  // namespace arzoo::cli
