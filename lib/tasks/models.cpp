#include "plan/run_config.h"
#include "tasks/families.h"
#include "tasks/tasks.h"

namespace arzoo::tasks {

Json models(const plan::ModelsTask& task, Progress&, Stop) {
  Json counts = Json::object();
  for (const auto& name : task.names) {
    const auto choice = plan::find_model(Config(name, "models"));
    const Config model(plan::default_run_config(choice)["model"], name);
    counts[name] = family_of_model(model).count_parameters(model);
  }
  return counts;
}

}  // namespace arzoo::tasks
