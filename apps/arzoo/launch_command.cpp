#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>

#include "command_line.h"
#include "commands.h"
#include "process_set.h"
#include "value_checks.h"

namespace arzoo::cli {
namespace {

constexpr int64_t kMostProcesses = 1024;

struct LaunchFlags {
  int64_t processes = 0;
  std::optional<int64_t> port;
  std::vector<std::string> words;
};

/// Says once what is wrong with the command, before there are several processes to say so.
void check_command(const std::vector<std::string>& words) {
  Invocation unused;
  const auto root = make_command_line(unused);
  parse_words(*root, unused, words);
}

/// This program by its own name, which tools that list processes then show; by its number where the file has
/// been replaced meanwhile.
std::filesystem::path this_program() {
  const std::filesystem::path by_number = "/proc/self/exe";
  std::error_code unknown;
  const auto by_name = std::filesystem::read_symlink(by_number, unknown);
  return !unknown && std::filesystem::exists(by_name, unknown) ? by_name : by_number;
}

ExitCode launch(const LaunchFlags& flags) {
  check_command(flags.words);
  const auto threads = std::max<int64_t>(1, usable_processors() / flags.processes);
  ProcessSet set(this_program(), flags.words, flags.processes, free_port(flags.port), threads);
  const auto end = set.wait();
  if (end.signal != 0) {
    fail<SystemFailure>("launch: rank {} of {} (process {}) was ended by {}; the others have ended", end.rank,
                        flags.processes, end.process, ::strsignal(end.signal));
  }
  // It has said why itself.
  return end.code > 128 ? ExitCode::interrupted : static_cast<ExitCode>(end.code);
}

}  // namespace

void add_launch_command(CLI::App& root, Invocation& invocation) {
  auto* command =
      root.add_subcommand("launch", "Run a command in several processes of this machine that work together.");
  auto flags = std::make_shared<LaunchFlags>();
  command->add_option("--processes", flags->processes, "how many")
      ->type_name("N")
      ->required()
      ->check(whole_number(1, kMostProcesses));
  command
      ->add_option("--port", flags->port, "where they meet on the loopback interface, a free port by default")
      ->type_name("PORT")
      ->check(whole_number(1, 65535));
  command->add_option("COMMAND", flags->words, "the command with its options, behind --")
      ->type_name("COMMAND")
      ->required();
  command->footer(
      "example:\n  arzoo launch --processes 2 -- train configs/forecast/itransformer_weather.json");
  on_chosen(*command, invocation, [flags] { return launch(*flags); });
}

}  // namespace arzoo::cli
