#include <cmath>

#include "registry/registry.h"
#include "runtime/parity.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {
namespace {

/// JSON has no infinity: what cannot be compared is told by a null.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json replay_case(const plan::fs::path& folder, at::Device device, bool verbose) {
  Json result;
  result["case"] = folder.string();
  try {
    const auto fixture = runtime::ParityCase::open(folder, device);
    result["case"] = fixture.name;
    runtime::ParityReport report(fixture);
    registry::replay(fixture, report);
    result["passed"] = report.passed();
    result["outputs"] = Json::array();
    for (const auto& output : report.outputs()) {
      if (output.informative && !verbose) continue;
      Json row{{"name", output.name},
               {"max_abs", number(output.max_abs)},
               {"max_rel", number(output.max_rel)},
               {"passed", output.passed}};
      if (output.informative) row["informative"] = true;
      if (!output.worst.empty()) row["worst"] = output.worst;
      result["outputs"].push_back(std::move(row));
    }
    if (!fixture.notes->empty()) result["notes"] = *fixture.notes;
    const auto unchecked = report.unchecked();
    if (!unchecked.empty()) {
      result["error"] =
          fmt::format("{} output(s) were not checked, first {}", unchecked.size(), unchecked.front());
    }
  } catch (const std::exception& error) {
    result["passed"] = false;
    const std::string text = error.what();
    result["error"] = text.substr(0, text.find('\n'));
  }
  return result;
}

}  // namespace

Json parity(const plan::ParityTask& task, Progress& progress, Stop stop) {
  const auto compute = runtime::select_compute(task.compute.device, task.compute.dtype);
  runtime::set_threads(task.compute.threads);
  Json result{{"cases", Json::array()}, {"passed", 0}, {"failed", 0}};
  int64_t passed = 0, failed = 0;
  progress.begin("parity", static_cast<int64_t>(task.folders.size()));
  for (const auto& folder : task.folders) {
    if (stop.load()) fail<Interrupted>("interrupted after {} cases", passed + failed);
    result["cases"].push_back(replay_case(folder, compute.device, task.verbose));
    ++(result["cases"].back()["passed"].get<bool>() ? passed : failed);
    progress.step();
  }
  progress.end();
  result["passed"] = passed;
  result["failed"] = failed;
  return result;
}

}  // namespace arzoo::tasks
