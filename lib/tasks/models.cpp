#include "plan/run_config.h"
#include "registry/registry.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {

Json models(const plan::ModelsTask& task, Progress&, Stop) {
  Json counts = Json::object();
  for (const auto& name : task.names) {
    const auto choice = registry::find_model(Config(name, "models"));
    const Config model(plan::default_run_config(choice)["model"], name);
    const auto size = registry::size_of(model);
    counts[name] = {{"parameters", size.parameters}, {"activated_parameters", size.activated}};
  }
  return counts;
}

}  // namespace arzoo::tasks
