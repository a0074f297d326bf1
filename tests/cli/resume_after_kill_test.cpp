#include "cli/refusal.h"

using namespace arzoo;
using namespace arzoo::test;

namespace {

/// A hundred and twenty steps, many more than are needed to meet one in the write of the checkpoint behind
/// it.
std::vector<std::string> training(bool resume, const std::string& save_every) {
  std::vector<std::string> words{"train", "config.json", "--out", "new", "--threads", "1", "--quiet"};
  for (const auto* change : {"epochs=12", "batch_size=4", "patience=0", "ema_decay=0.9"}) {
    words.insert(words.end(), {"--set", std::string("training.") + change});
  }
  words.insert(words.end(), {"--set", "training.save_every=" + save_every});
  if (resume) words.emplace_back("--resume");
  return words;
}

int64_t saved_step(const fs::path& run) {
  const auto state = nlohmann::json::parse(read_file(run / "last/training.json"), nullptr, false);
  return state.is_discarded() ? -1 : state["state"]["step"].get<int64_t>();
}

/// The half-written folder of a checkpoint, if there is one.
std::optional<fs::path> half_written(const fs::path& run) {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(run, none)) {
    if (entry.path().filename().string().rfind(".arzoo-", 0) == 0) return entry.path();
  }
  return std::nullopt;
}

/// What a run is: its log, its best model and its state, byte for byte.
std::map<std::string, std::string> essence(const fs::path& run) {
  std::map<std::string, std::string> files{{"metrics.jsonl", read_file(run / "metrics.jsonl")}};
  for (const auto* folder : {"model", "last"}) {
    for (const auto& [path, content] : snapshot(run / folder))
      files[fs::path(path).lexically_relative(run)] = content;
  }
  return files;
}

}  // namespace

TEST_CASE("a run that was killed again and again ends as one that was not, byte for byte") {
  const Program undisturbed(Library::built), killed(Library::built);
  for (const auto* arzoo : {&undisturbed, &killed}) {
    arzoo->write("series.csv", wide_csv(hourly_table(TrainedProgram::kRows, {"a", "b"})));
    arzoo->write("config.json", kTinyConfig);
  }
  REQUIRE(undisturbed(training(false, "0")).code == 0);
  const auto expected = essence(undisturbed.files() / "new");
  REQUIRE(expected.count("last/training.safetensors") == 1);
  REQUIRE(expected.count("model/model.safetensors") == 1);

  const auto run = killed.files() / "new";
  const auto while_writing = [&](int64_t from) {
    return saved_step(run) >= from && half_written(run).has_value();
  };
  const auto between = [&](int64_t from) { return saved_step(run) >= from && !half_written(run); };
  // The weights of a checkpoint are there, its state is not yet.
  const auto torn = [&](int64_t from) {
    const auto half = saved_step(run) >= from ? half_written(run) : std::nullopt;
    return half && fs::exists(*half / "model.safetensors") && !fs::exists(*half / "training.json");
  };
  const std::vector<std::function<bool()>> moments{
      [&] { return while_writing(0); }, [&] { return between(8); }, [&] { return torn(14); },
      [&] { return between(25); }, [&] { return while_writing(31); }};
  int64_t before = -1;
  for (std::size_t i = 0; i < moments.size(); ++i) {
    CAPTURE(i);
    REQUIRE(killed.killed(training(i > 0, "1"), moments[i]).code == 128 + SIGKILL);
    // What is there is whole, and nothing is lost.
    CHECK(saved_step(run) >= before);
    before = saved_step(run);
  }
  const auto resumed = killed(training(true, "0"));
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK_FALSE(half_written(run));
  const auto actual = essence(run);
  REQUIRE(actual.size() == expected.size());
  for (const auto& [name, content] : expected) {
    CAPTURE(name);
    const bool equal = actual.at(name) == content;
    CHECK(equal);
  }
}

TEST_CASE("a run that was killed before its first checkpoint says what to do") {
  const Program arzoo(Library::built);
  arzoo.write("series.csv", wide_csv(hourly_table(TrainedProgram::kRows, {"a", "b"})));
  arzoo.write("config.json", kTinyConfig);
  const auto run = arzoo.files() / "new";
  const auto early = [&] { return fs::exists(run / "config.json") && !fs::exists(run / "last"); };
  REQUIRE(arzoo.killed(training(false, "1"), early).code == 128 + SIGKILL);
  check_refused(arzoo, {"train", "config.json", "--out", "new", "--resume"}, 2,
                "new: was stopped before its state was first saved, there is nothing to resume (remove it "
                "and train anew)");
}
