#include "core/run_dir.h"

#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "core/json.h"
#include "support/test.h"

using namespace arzoo;
using arzoo::test::TempDir;
namespace fs = std::filesystem;

namespace {

void write_state(const fs::path& folder) { std::ofstream(folder / "state") << "saved"; }

/// A run with a config and a saved state, as a process leaves it that has ended.
fs::path finished_run(const TempDir& temp) {
  const fs::path path = temp / "run";
  const auto run = RunDir::create(path, IfExists::fail);
  run.write_config({{"seed", 1}});
  run.save_last(write_state);
  run.save_model(write_state);
  run.write_report("<html>");
  return path;
}

}  // namespace

TEST_CASE("a fresh run makes its folder and writes its config", "[run_dir_test]") {
  const TempDir temp;
  const auto run = RunDir::create(temp / "a/b/run", IfExists::fail);
  run.write_config({{"model", "itransformer"}, {"seed", 1}});
  CHECK(test::read_file(run.config()) == "{\n  \"model\": \"itransformer\",\n  \"seed\": 1\n}\n");
}

TEST_CASE("a fresh run is refused where a run is, with the way out", "[run_dir_test]") {
  const TempDir temp;
  const fs::path path = finished_run(temp);
  CHECK_THROWS_WITH(
      RunDir::create(path, IfExists::fail),
      path.string() + ": holds a run already (--resume continues it, --out names another folder)");
  CHECK_THROWS_AS(RunDir::create(path, IfExists::fail), UsageError);
  CHECK(test::read_file(path / "last/state") == "saved");
}

TEST_CASE("a folder with other things in it is never written into", "[run_dir_test]") {
  const auto if_exists = GENERATE(IfExists::fail, IfExists::resume, IfExists::replace);
  const TempDir temp;
  temp.write("photos/cat.png", "cat");
  temp.write("model/config.json", "{}");
  temp.write("model/model.safetensors", "weights");
  CHECK_THROWS_WITH(RunDir::create(temp / "photos", if_exists),
                    ContainsSubstring("is not empty and holds no run"));
  CHECK_THROWS_AS(RunDir::create(temp / "model", if_exists), UsageError);
  CHECK_FALSE(fs::exists(temp / "photos/lock"));
  CHECK(fs::exists(temp / "photos/cat.png"));
}

TEST_CASE("an empty folder is taken, and so is one of a run killed before its config was written",
          "[run_dir_test]") {
  const TempDir temp;
  fs::create_directories(temp / "run");
  { const auto run = RunDir::create(temp / "run", IfExists::fail); }
  CHECK_NOTHROW(RunDir::create(temp / "run", IfExists::fail));
}

TEST_CASE("a file in the way is named", "[run_dir_test]") {
  const TempDir temp;
  const auto file = temp.write("file", "");
  CHECK_THROWS_WITH(RunDir::create(file, IfExists::fail), ContainsSubstring("is not a folder"));
  CHECK_THROWS_AS(RunDir::create(file / "run", IfExists::fail), UsageError);
  CHECK_THROWS_AS(RunDir::create("", IfExists::fail), UsageError);
}

TEST_CASE("resume needs a run with a saved state", "[run_dir_test]") {
  const TempDir temp;
  CHECK_THROWS_WITH(RunDir::create(temp / "none", IfExists::resume),
                    ContainsSubstring("there is no run to resume"));
  CHECK_FALSE(fs::exists(temp / "none"));
  RunDir::create(temp / "unsaved", IfExists::fail).write_config({{"seed", 1}});
  CHECK_THROWS_WITH(RunDir::create(temp / "unsaved", IfExists::resume),
                    ContainsSubstring("nothing to resume"));
  const auto path = finished_run(temp);
  CHECK_NOTHROW(RunDir::create(path, IfExists::resume));
}

TEST_CASE("replace removes what the old run left and nothing else", "[run_dir_test]") {
  const TempDir temp;
  const auto path = finished_run(temp);
  temp.write("run/events.out.tfevents.1", "");
  temp.write("run/loss.svg", "");
  temp.write("run/notes.txt", "mine");
  const auto run = RunDir::create(path, IfExists::replace);
  for (const auto& gone : {run.config(), run.last(), run.model(), run.report(),
                           path / "events.out.tfevents.1", path / "loss.svg"}) {
    CHECK_FALSE(fs::exists(gone));
  }
  CHECK(test::read_file(path / "notes.txt") == "mine");
}

TEST_CASE("a run that is at work cannot be entered, and its process is named", "[run_dir_test]") {
  const TempDir temp;
  const auto path = finished_run(temp);
  const auto run = RunDir::create(path, IfExists::resume);
  const auto if_exists = GENERATE(IfExists::fail, IfExists::resume, IfExists::replace);
  CHECK_THROWS_AS(RunDir::create(path, if_exists), UsageError);
  CHECK_THROWS_WITH(RunDir::create(path, if_exists),
                    ContainsSubstring("process " + std::to_string(::getpid())));
}

TEST_CASE("the lock is kept by a moved run and ends with it", "[run_dir_test]") {
  const TempDir temp;
  const auto path = finished_run(temp);
  {
    auto run = RunDir::create(path, IfExists::resume);
    const RunDir moved = std::move(run);
    CHECK_THROWS_AS(RunDir::create(path, IfExists::resume), UsageError);
  }
  CHECK_NOTHROW(RunDir::create(path, IfExists::resume));
}

TEST_CASE("a killed process leaves no lock and its half-written files are cleared away", "[run_dir_test]") {
  const TempDir temp;
  const auto path = finished_run(temp);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto run = RunDir::create(path, IfExists::resume);
    run.save_last([](const fs::path& folder) {
      std::ofstream(folder / "half") << "half";
      ::kill(::getpid(), SIGKILL);
    });
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(test::read_file(path / "last/state") == "saved");
  const auto run = RunDir::create(path, IfExists::resume);
  for (const auto& entry : fs::directory_iterator(path)) {
    CHECK_FALSE(entry.path().filename().string().starts_with(".arzoo-"));
  }
}
