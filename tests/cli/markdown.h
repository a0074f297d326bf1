#pragma once

#include <regex>
#include <sstream>
#include <vector>

#include "support/test.h"

namespace arzoo::test {

/// A shell command of a page, and the lines that the page shows as its output.
struct DocumentedCommand {
  std::string where;  ///< page:line
  std::string text;
  std::vector<std::string> output;
};

/// A fenced block of shell commands. An HTML comment in front of it says how it is tested:
///
///   (no comment)                      run it; shown output may differ in its numbers
///   <!-- test: exact -->              run it; shown output is the output
///   <!-- test: short -->              run it, training for two steps only
///   <!-- test: fails 2 -->            run it; it ends with this exit code, and stderr is shown as well
///   <!-- test: parse, REASON -->      too long for a test: the command line alone is checked
///   <!-- test: elsewhere, FILE -->    another test runs it
///
/// In shown output, "…" stands for any text, and for any number of lines when it is alone on its line.
struct CommandBlock {
  fs::path page;
  std::string mode = "run", argument;
  std::vector<DocumentedCommand> commands;
};

/// A fence's command lines. In a console block they follow "$ ", and other lines are output; in a block of sh
/// each line is a command. A backslash at the end continues a command in the next line.
inline std::vector<DocumentedCommand> commands_in(const std::vector<std::string>& lines, bool console,
                                                  const std::string& page, int first_line) {
  std::vector<DocumentedCommand> commands;
  bool goes_on = false;
  int number = first_line;
  for (const auto& line : lines) {
    const bool starts = console ? line.starts_with("$ ") : !line.empty() && line[0] != '#';
    if (goes_on) {
      commands.back().text += line;
    } else if (starts) {
      commands.push_back({page + ":" + std::to_string(number), console ? line.substr(2) : line, {}});
    } else if (console && !commands.empty()) {
      commands.back().output.push_back(line);
    }
    ++number;
    goes_on = (goes_on || starts) && line.ends_with('\\');
    if (goes_on) commands.back().text.pop_back();
  }
  return commands;
}

/// The blocks of shell commands of a Markdown file.
inline std::vector<CommandBlock> command_blocks(const fs::path& page) {
  static const std::regex comment(R"(<!-- test: (\w+)[ ,]*(.*?) *-->)");
  const auto name = page.filename().string();
  std::vector<CommandBlock> blocks;
  std::vector<std::string> lines;
  std::istringstream text(read_file(page));
  std::string language, marker;
  int number = 0, opened = 0;
  for (std::string line; std::getline(text, line);) {
    ++number;
    if (!line.starts_with("```")) {
      if (opened > 0) lines.push_back(line);
      if (opened == 0 && !line.empty()) marker = line;
      continue;
    }
    if (opened == 0) {
      opened = number;
      language = line.substr(3);
      lines.clear();
      continue;
    }
    if (language == "sh" || language == "console") {
      CommandBlock block{page, "run", "", commands_in(lines, language == "console", name, opened + 1)};
      std::smatch match;
      if (std::regex_match(marker, match, comment)) {
        block.mode = match[1];
        block.argument = match[2];
      }
      blocks.push_back(std::move(block));
    }
    marker.clear();
    opened = 0;
  }
  return blocks;
}

/// A page without its fenced blocks.
inline std::string prose_of(const fs::path& page) {
  std::istringstream text(read_file(page));
  std::string prose;
  bool fenced = false;
  for (std::string line; std::getline(text, line);) {
    const bool fence = line.starts_with("```");
    fenced = fence != fenced;
    if (!fenced && !fence) prose += line + "\n";
  }
  return prose;
}

/// Numbers, durations and the widths of tables as one sign each, for a comparison that ignores them.
inline std::string masked(const std::string& line) {
  static const std::regex duration(R"((\d+h)?(\d+m)?\d+(\.\d+)?s\b)"), number(R"(-?\d+(\.\d+)?(e[-+]?\d+)?)"),
      spaces(R"([ \t]+)"), dashes("-{3,}:?"), gaps(" *… *");
  auto text = std::regex_replace(line, duration, "#");
  text = std::regex_replace(text, number, "#");
  text = std::regex_replace(text, dashes, "---");
  text = std::regex_replace(text, spaces, " ");
  return std::regex_replace(text, gaps, "…");
}

/// Whether a line is the shown one, in which "…" stands for any text.
inline bool line_matches(const std::string& shown, const std::string& line) {
  static const std::string any = "…";
  const auto at = shown.find(any);
  if (at == std::string::npos) return shown == line;
  if (!line.starts_with(shown.substr(0, at))) return false;
  const auto rest = shown.substr(at + any.size());
  for (auto start = at; start <= line.size(); ++start)
    if (line_matches(rest, line.substr(start))) return true;
  return false;
}

/// Whether the lines are the shown ones; a shown line "…" stands for any number of lines.
inline bool output_matches(const std::vector<std::string>& shown, const std::vector<std::string>& lines,
                           std::size_t i = 0, std::size_t j = 0) {
  if (i == shown.size()) return j == lines.size();
  if (shown[i] == "…")
    return output_matches(shown, lines, i + 1, j) ||
           (j < lines.size() && output_matches(shown, lines, i, j + 1));
  return j < lines.size() && line_matches(shown[i], lines[j]) && output_matches(shown, lines, i + 1, j + 1);
}

}  // namespace arzoo::test
