#include "runtime/family_command.h"

#include <set>

#include "registry/registry.h"
#include "support/tasks.h"

using namespace arzoo;

namespace {

struct DoublingTask {
  int64_t number = 0;
};

Json run_doubling(const DoublingTask& task, const runtime::CommandContext&) {
  return {{"doubled", 2 * task.number}};
}

}  // namespace

TEST_CASE("a family's command is told by its task and gets it back") {
  const auto command = runtime::family_command<DoublingTask, &run_doubling>();
  CHECK(command.task == typeid(DoublingTask));
  SilentProgress progress;
  const DoublingTask task{21};
  CHECK(command.run(&task, {progress, test::kNeverStop, nullptr})["doubled"] == 42);
}

TEST_CASE("the commands of the families are found, and one that no family serves is named") {
  CHECK(registry::command_of(typeid(plan::ForecastTask)).task == typeid(plan::ForecastTask));
  SilentProgress progress;
  CHECK_THROWS_WITH(tasks::run_family_command(DoublingTask(), progress, test::kNeverStop),
                    ContainsSubstring("no family has a command for") && ContainsSubstring("DoublingTask"));
}

TEST_CASE("of the families that score, the model's folder tells which one is meant") {
  const auto source = test::source_dir();
  const auto& pictures = registry::command_of(typeid(plan::ScoreTask), source / "data/fashion");
  const auto& texts = registry::command_of(typeid(plan::ScoreTask), source / "data/bible");
  CHECK(pictures.run != texts.run);
  CHECK(registry::command_of(typeid(plan::ScoreTask), source / "data").run == texts.run);
}

TEST_CASE("no family has two commands for one task") {
  for (const auto* family : registry::families()) {
    std::set<std::type_index> seen;
    for (const auto& command : family->commands) CHECK(seen.insert(command.task).second);
  }
}
