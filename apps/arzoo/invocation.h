#pragma once

#include <functional>

#include "plan/tasks.h"

namespace CLI {
class App;
}

namespace arzoo::cli {

namespace fs = std::filesystem;

/// One call of the program: what the options say that all commands share, and what the chosen command does.
struct Invocation {
  plan::ComputeOptions compute;
  bool json = false;     ///< stdout carries exactly one JSON document
  bool quiet = false;    ///< no progress, warnings alone
  bool verbose = false;  ///< details as well
  bool dry_run = false;  ///< check everything, say what would be done, do nothing
  std::function<ExitCode()> action;
};

/// Adds the options that every command has, as a group of their own.
void add_shared_options(CLI::App& command, Invocation& invocation);

/// Adds the option of commands that only run a model, into the same group.
void add_inference_options(CLI::App& command, Invocation& invocation);

/// Adds --state-dict, for commands that open a checkpoint.
void add_state_dict_option(CLI::App& command, std::string& state_dict);

/// Makes `action` the one that runs when `command` was chosen. It throws the errors of core/error.h.
void on_chosen(CLI::App& command, Invocation& invocation, std::function<ExitCode()> action);

}  // namespace arzoo::cli
