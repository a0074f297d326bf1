// The border of libarzoo: one table of functions that the launcher looks up, and through which no exception
// leaves.

#include <c10/util/Exception.h>
#include <torch/version.h>

#include <filesystem>
#include <new>

#include "runtime/device.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {
namespace {

using plan::Outcome;

template <class Task>
using Run = Json (*)(const Task&, Progress&, Stop);

/// The first line: LibTorch appends its own stack.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

template <class Task, Run<Task> kRun>
Outcome guarded(const Task& task, Progress& progress, Stop stop) {
  try {
    Outcome outcome;
    outcome.result = kRun(task, progress, stop);
    return outcome;
  } catch (const Error& error) {
    return {error.exit_code(), error.what(), {}};
  } catch (const std::filesystem::filesystem_error& error) {
    return {error_of(error).exit_code(), error_of(error).what(), {}};
  } catch (const c10::Error& error) {
    return {ExitCode::internal, "internal: LibTorch: " + first_line(error.what_without_backtrace()), {}};
  } catch (const std::bad_alloc&) {
    return {ExitCode::internal, "out of memory (try a smaller batch size or horizon)", {}};
  } catch (const std::exception& error) {
    return {ExitCode::internal, std::string("internal: ") + error.what(), {}};
  }
}

/// A failure that the result of a check counts makes the check fail. The result lists what was checked under
/// `list`.
Outcome judged(Outcome outcome, const char* check, const char* list) {
  if (outcome.code == ExitCode::ok && outcome.result.value("failed", 0) > 0) {
    outcome.code = ExitCode::check_failed;
    outcome.error = fmt::format("{}: {} of {} {} failed", check, outcome.result["failed"].get<int64_t>(),
                                outcome.result[list].size(), list);
  }
  return outcome;
}

Outcome guarded_parity(const plan::ParityTask& task, Progress& progress, Stop stop) {
  return judged(guarded<plan::ParityTask, parity>(task, progress, stop), "parity", "cases");
}

Outcome guarded_regress(const plan::RegressTask& task, Progress& progress, Stop stop) {
  return judged(guarded<plan::RegressTask, regress>(task, progress, stop), "regress", "checks");
}

}  // namespace
}  // namespace arzoo::tasks

extern "C" __attribute__((visibility("default"))) const arzoo::plan::TaskTable* arzoo_task_table() {
  using namespace arzoo;
  runtime::keep_freed_memory();
  static const plan::TaskTable table{
      &tasks::guarded<plan::TrainTask, tasks::train>,
      &tasks::guarded<plan::ForecastTask, tasks::forecast>,
      &tasks::guarded<plan::GenerateImageTask, tasks::generate_image>,
      &tasks::guarded<plan::Generate3dTask, tasks::generate_3d>,
      &tasks::guarded<plan::InspectTask, tasks::inspect>,
      &tasks::guarded<plan::ConvertTask, tasks::convert>,
      &tasks::guarded<plan::ModelsTask, tasks::models>,
      &tasks::guarded_parity,
      &tasks::guarded<plan::TableTask, tasks::table>,
      &tasks::guarded<plan::SpeedTask, tasks::speed>,
      &tasks::guarded_regress,
      &tasks::guarded<plan::ReportTask, tasks::report>,
  };
  return &table;
}
