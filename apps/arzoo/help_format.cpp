#include "help_format.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>
#include <utility>
#include <vector>

#include "value_kind.h"

namespace arzoo::cli {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kWidestName = 34;

using Rows = std::vector<std::pair<std::string, std::string>>;

/// `text` in lines of at most `width`, the second and later ones indented.
std::string wrapped(const std::string& text, std::size_t width, std::size_t indent) {
  std::istringstream words(text);
  std::string word, result;
  std::size_t used = 0;
  while (words >> word) {
    if (used > 0 && used + 1 + word.size() > width) {
      result += '\n' + std::string(indent, ' ');
      used = 0;
    }
    result += (used > 0 ? " " : "") + word;
    used += (used > 0 ? 1 : 0) + word.size();
  }
  return result;
}

std::string table(const std::string& title, const Rows& rows) {
  if (rows.empty()) return "";
  std::size_t column = 0;
  for (const auto& [name, help] : rows) column = std::max(column, std::min(name.size(), kWidestName));
  const std::size_t indent = column + 4;
  std::string text = fmt::format("\n{}:\n", title);
  for (const auto& [name, help] : rows) {
    text += "  " + name;
    text +=
        name.size() > column ? '\n' + std::string(indent, ' ') : std::string(indent - 2 - name.size(), ' ');
    text += wrapped(help, kWidth - indent, indent) + '\n';
  }
  return text;
}

std::string usage_arguments(const CLI::App& app) {
  std::string text;
  for (const auto* option : app.get_options()) {
    if (option->get_required()) {
      text += ' ' + option_name(*option);
    } else if (option->get_positional()) {
      text += fmt::format(" [{}]", option_name(*option));
    }
  }
  return text;
}

Rows command_rows(const CLI::App& app) {
  Rows rows;
  for (const auto* command : subcommands(app)) {
    rows.emplace_back(command->get_name(), command->get_description());
  }
  return rows;
}

}  // namespace

std::string option_name(const CLI::Option& option) {
  if (option.get_positional()) return option.get_name(true) + (takes_many(option) ? "..." : "");
  const auto name = option.get_name(false, true);
  std::string shown;
  // "-h,--help" as "-h, --help"
  for (const char letter : name) shown += letter == ',' ? std::string(", ") : std::string(1, letter);
  return is_flag(option)
             ? shown
             : fmt::format("{} {}{}", shown, option.get_type_name(), takes_many(option) ? "..." : "");
}

std::string HelpFormat::make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const {
  std::string path = app->get_name();
  for (const auto* parent = app->get_parent(); parent != nullptr; parent = parent->get_parent()) {
    path = parent->get_name() + ' ' + path;
  }
  const auto commands = command_rows(*app);
  const std::string arguments = !commands.empty()    ? " COMMAND"
                                : arguments_.empty() ? usage_arguments(*app)
                                                     : ' ' + arguments_;
  std::string text = fmt::format("usage: {}{} [options]\n\n{}\n", path, arguments,
                                 wrapped(app->get_description(), kWidth, 0));
  text += table("commands", commands);
  Rows positionals;
  std::vector<std::pair<std::string, Rows>> groups;
  for (const auto* option : app->get_options()) {
    if (option->get_positional()) {
      positionals.emplace_back(option_name(*option), option->get_description());
      continue;
    }
    const std::string title = option->get_group() == "Options" ? "options" : option->get_group();
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&title](const auto& entry) { return entry.first == title; });
    if (group == groups.end()) group = groups.insert(groups.end(), {title, {}});
    group->second.emplace_back(option_name(*option), option->get_description());
  }
  text += table("arguments", positionals);
  for (const auto& [title, rows] : groups) text += table(title, rows);
  if (!app->get_footer().empty()) text += fmt::format("\n{}\n", app->get_footer());
  return text;
}

}  // namespace arzoo::cli
