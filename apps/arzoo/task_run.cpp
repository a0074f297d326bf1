#include "task_run.h"

#include <cstdlib>

#include "core/cuda_driver.h"
#include "stop_signal.h"
#include "task_library.h"

namespace arzoo::cli {
namespace {

bool environment_is(const char* name, std::string_view value) {
  const char* found = std::getenv(name);
  return found != nullptr && found == value;
}

ProgressOptions progress_options(const Invocation& invocation) {
  ProgressOptions options;
  if (invocation.quiet) options.verbosity = Verbosity::quiet;
  if (invocation.verbose) options.verbosity = Verbosity::verbose;
  // https://no-color.org: set and not empty, whatever the value.
  const char* no_color = std::getenv("NO_COLOR");
  options.color = (no_color == nullptr || *no_color == '\0') && !environment_is("ARZOO_COLOR", "never");
  options.redraw = !environment_is("TERM", "dumb");
  return options;
}

}  // namespace

plan::Outcome call_library(const Invocation& invocation, const TaskCall& call) {
  const auto& table = task_table(wants_cuda(invocation.compute.device));
  if (invocation.compute.ranks.rank > 0) {
    // The first process speaks for all.
    SilentProgress silent;
    return call(table, silent, stop_requested());
  }
  const auto progress = make_progress(progress_options(invocation));
  return call(table, *progress, stop_requested());
}

ExitCode finish(const Invocation& invocation, plan::Outcome outcome, const Summary& summary) {
  if (outcome.code == ExitCode::ok) {
    if (invocation.compute.ranks.rank == 0) print_result(invocation, outcome.result, summary);
    return ExitCode::ok;
  }
  if (outcome.result.is_null()) throw Error(outcome.code, outcome.error);
  if (invocation.json) outcome.result["error"] = error_json(outcome.code, outcome.error);
  print_result(invocation, outcome.result, summary);
  report_error(outcome.code, outcome.error, false);
  return outcome.code;
}

}  // namespace arzoo::cli
