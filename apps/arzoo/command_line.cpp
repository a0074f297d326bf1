#include "command_line.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "build_version.h"
#include "commands.h"
#include "core/closest.h"
#include "core/cuda_driver.h"
#include "help_format.h"
#include "output.h"
#include "value_kind.h"

namespace arzoo::cli {
namespace {

/// "arzoo bench table" for the command `bench table`.
std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? "arzoo" : full_name(*app.get_parent()) + ' ' + app.get_name();
}

/// What stands before a message about the command: nothing for the program itself.
std::string prefix(const CLI::App& app) {
  constexpr std::size_t kProgram = std::string_view("arzoo ").size();
  return app.get_parent() == nullptr ? "" : full_name(app).substr(kProgram) + ": ";
}

std::string did_you_mean(const std::optional<std::string>& near, const CLI::App& app) {
  return near ? fmt::format("did you mean \"{}\"?", *near) : fmt::format("see {} --help", full_name(app));
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : subcommands(app)) names.push_back(command->get_name());
  return names;
}

[[noreturn]] void refuse_option(const CLI::App& app, const std::string& name) {
  std::vector<std::string> known;
  for (const auto* option : app.get_options()) {
    for (const auto& long_name : option->get_lnames()) known.push_back(long_name);
  }
  auto near = closest(name.substr(name.find_first_not_of('-')), known);
  if (near) near = "--" + *near;
  const bool early = !near && !command_names(app).empty();
  fail<UsageError>("{}unknown option \"{}\" ({})", prefix(app), name,
                   early ? fmt::format("options stand after the command, see {} --help", full_name(app))
                         : did_you_mean(near, app));
}

/// Finds unknown commands and options, which the parser would report as leftovers. Returns the chosen
/// command.
const CLI::App& check_names(const CLI::App& root, const std::vector<std::string>& words) {
  const CLI::App* app = &root;
  for (const auto& word : words) {
    if (word == "--") break;
    const bool is_option =
        word.size() > 1 && word[0] == '-' && word[1] != '.' && (word[1] < '0' || word[1] > '9');
    if (is_option) {
      const auto name = word.substr(0, word.find('='));
      if (app->get_option_no_throw(name) == nullptr) refuse_option(*app, name);
      continue;
    }
    const auto names = command_names(*app);
    if (names.empty()) continue;
    if (std::find(names.begin(), names.end(), word) == names.end()) {
      fail<UsageError>("{}unknown command \"{}\" ({})", prefix(*app), word,
                       did_you_mean(closest(word, names), *app));
    }
    app = app->get_subcommand(word);
  }
  return *app;
}

template <class Kind>
bool is(const CLI::ParseError& error) {
  return dynamic_cast<const Kind*>(&error) != nullptr;
}

/// The parser's complaint in the words of this program.
[[noreturn]] void translate(const CLI::ParseError& error, const CLI::App& app) {
  const std::string text = error.what();
  const auto help = fmt::format("(see {} --help)", full_name(app));
  const auto names = command_names(app);
  if (is<CLI::RequiredError>(error) && !names.empty()) {
    fail<UsageError>("{}a command is missing, expected one of {} {}", prefix(app), fmt::join(names, ", "),
                     help);
  }
  if (is<CLI::RequiredError>(error)) fail<UsageError>("{}{} {}", prefix(app), text, help);
  if (is<CLI::ExtrasError>(error)) {
    fail<UsageError>("{}unexpected argument {} {}", prefix(app), text.substr(text.find(": ") + 2), help);
  }
  if (is<CLI::ArgumentMismatch>(error)) {
    const bool missing = text.find("missing") != std::string::npos;
    fail<UsageError>("{}{}: {}", prefix(app), text.substr(0, text.find(':')),
                     missing ? "expected a value, got none" : "given more than once, expected one value");
  }
  if (is<CLI::ExcludesError>(error)) {
    constexpr std::string_view kBetween = " excludes ";
    const auto at = text.find(kBetween);
    fail<UsageError>("{}{} and {} cannot be given together", prefix(app), text.substr(0, at),
                     text.substr(at + kBetween.size()));
  }
  if (is<CLI::ConversionError>(error)) {
    // Only a flag comes this far: the values of all other options are checked before they are converted.
    const auto at = text.find("--");
    fail<UsageError>("{}{}: expected no value, it is a flag", prefix(app),
                     text.substr(at, text.find(' ', at) - at));
  }
  fail<UsageError>("{}{}", prefix(app), text);
}

std::string version_text() {
  return fmt::format("arzoo {}\nLibTorch {}\nCUDA {}\n", kVersion, kTorchVersion,
                     is_cpu_package() ? "none" : kCudaVersion);
}

}  // namespace

std::unique_ptr<CLI::App> make_command_line(Invocation& invocation) {
  auto root =
      std::make_unique<CLI::App>("Trains, runs and benchmarks autoregressive and attention models.", "arzoo");
  root->formatter(std::make_shared<HelpFormat>());
  root->set_help_flag("-h,--help", "print this help");
  root->set_version_flag("--version", version_text(), "print the versions of arzoo, LibTorch and CUDA");
  root->footer("`arzoo COMMAND --help` lists a command's options and shows an example.");
  root->require_subcommand(1);
  add_train_command(*root, invocation);
  add_distill_command(*root, invocation);
  add_tune_command(*root, invocation);
  add_forecast_command(*root, invocation);
  add_generate_image_command(*root, invocation);
  add_generate_3d_command(*root, invocation);
  add_generate_text_command(*root, invocation);
  add_score_command(*root, invocation);
  add_embed_text_command(*root, invocation);
  add_transcribe_command(*root, invocation);
  add_links_command(*root, invocation);
  add_encode_command(*root, invocation);
  add_decode_command(*root, invocation);
  add_bench_command(*root, invocation);
  add_models_command(*root, invocation);
  add_inspect_command(*root, invocation);
  add_convert_command(*root, invocation);
  add_launch_command(*root, invocation);
  add_completion_command(*root, invocation);
  add_man_command(*root, invocation);
  return root;
}

void parse_words(CLI::App& root, Invocation& invocation, std::vector<std::string> words) {
  // `arzoo help train` is what many try first.
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  const CLI::App& chosen = check_names(root, words);
  const auto say = [&invocation](const std::string& text) {
    invocation.action = [text] {
      write_stdout(text);
      return ExitCode::ok;
    };
  };
  try {
    // The parser takes the words from the back.
    root.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::CallForHelp&) {
    say(root.help());
  } catch (const CLI::CallForVersion& version) {
    say(version.what());
  } catch (const CLI::ParseError& error) {
    translate(error, chosen);
  }
}

}  // namespace arzoo::cli
