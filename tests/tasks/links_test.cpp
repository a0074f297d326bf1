#include "support/tasks.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

/// A model of few steps on a stream in which 30 people meet their neighbours in turn.
class TrainedLinks {
 public:
  TrainedLinks() {
    std::string text = "src,dst,time\n";
    for (int i = 0; i < 600; ++i) text += fmt::format("p{},p{},{}\n", i % 30, (i + 1 + i / 300) % 30, i * 60);
    events_ = temp_.write("events.csv", text);
    auto task = test::committed_task("graph/todyformer_tiny", temp_ / "run",
                                     {"data.path=" + events_.string(), "data.window=60",
                                      "training.max_steps=3", "training.batch_size=20"});
    test::train(task);
  }

  plan::LinksTask task() const {
    plan::LinksTask task;
    task.compute.device = "cpu";
    task.model = temp_ / "run";
    task.input = events_;
    return task;
  }
  const TempDir& temp() const { return temp_; }

 private:
  TempDir temp_;
  fs::path events_;
};

const TrainedLinks& trained() {
  static const TrainedLinks links;
  return links;
}

Json ask(const plan::LinksTask& task) {
  SilentProgress progress;
  return tasks::run_family_command(task, progress, test::kNeverStop);
}

std::string refusal(const plan::LinksTask& task) {
  try {
    ask(task);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("a pair has a probability, and what it was before") {
  auto task = trained().task();
  task.queries = {"p0,p1", "p5,p9"};
  task.at = 600.0;
  const auto result = ask(task);
  CHECK(result["events"] == 10);
  REQUIRE(result["links"].size() == 2);
  CHECK(result["links"][0]["met"] == 1);
  CHECK(result["links"][0]["last"] == 0.0);
  CHECK(result["links"][1]["met"] == 0);
  CHECK(result["links"][1]["last"].is_null());
  for (const auto& link : result["links"]) {
    CHECK(link["probability"].get<double>() > 0.0);
    CHECK(link["probability"].get<double>() < 1.0);
  }
}

TEST_CASE("events from the moment on change nothing") {
  auto task = trained().task();
  task.queries = {"p0,p1"};
  task.at = 12000.0;
  const auto before = ask(task)["links"][0]["probability"].get<double>();
  auto text = test::read_file(task.input);
  text += "p0,p1,36001\np7,p2,36002\n";
  task.input = trained().temp().write("more.csv", text);
  CHECK(ask(task)["links"][0]["probability"].get<double>() == Approx(before));
}

TEST_CASE("the likeliest targets of a node come in falling order, and it is none of them") {
  auto task = trained().task();
  task.source = "p4";
  task.top = 7;
  const auto links = ask(task)["links"];
  REQUIRE(links.size() == 7);
  for (std::size_t i = 0; i < links.size(); ++i) {
    CHECK(links[i]["source"] == "p4");
    CHECK(links[i]["target"] != "p4");
    if (i > 0) CHECK(links[i]["probability"].get<double>() <= links[i - 1]["probability"].get<double>());
  }
}

TEST_CASE("an evaluation has the model and both memories") {
  auto task = trained().task();
  task.evaluate = true;
  const auto result = ask(task);
  CHECK(result["evaluated"] == 90);
  REQUIRE(result["rows"].size() == 3);
  CHECK(result["rows"][0]["method"] == "todyformer");
  for (const auto& row : result["rows"]) {
    CHECK(row["auc"].get<double>() >= 0.0);
    CHECK(row["mrr"].get<double>() <= 1.0);
  }
}

TEST_CASE("what cannot be asked is refused with place and expectation") {
  auto task = trained().task();
  task.queries = {"p0,p99"};
  CHECK_THAT(refusal(task),
             ContainsSubstring("links: --query p0,p99: no event has a node \"p99\" (did you mean \"p9\"?)"));
  task.queries = {"p0"};
  CHECK(refusal(task) == "links: --query p0: expected two nodes, SOURCE,TARGET");
  task.queries = {"p0,p1"};
  task.at = 60.0;
  CHECK(refusal(task) ==
        task.input.string() + ": 1 events before 60, expected at least 4 (the model's patches)");
  task = trained().task();
  task.evaluate = true;
  task.at = 1e9;
  CHECK_THAT(refusal(task), ContainsSubstring("nothing can be evaluated"));
  task = trained().task();
  task.source = "p0";
  task.input = trained().temp().write("features.csv", "src,dst,time,weight\np0,p1,0,1\n");
  CHECK(refusal(task) == task.input.string() + ": 1 columns of features, but model.edge_dim is 0");
}

TEST_CASE("events and model that do not go together are refused before training") {
  const TempDir temp;
  const auto refused = [&](const std::vector<std::string>& set) {
    try {
      test::train(test::committed_task("graph/todyformer_tiny", temp / "run", set));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  CHECK_THAT(refused({"model.edge_dim=2"}),
             ContainsSubstring("0 columns of features, but model.edge_dim is 2"));
  CHECK_THAT(refused({"data.window=3"}), ContainsSubstring("3 events make no 4 patches (model.patches)"));
  CHECK_THAT(refused({"data.window=20000"}),
             ContainsSubstring("events to train on, expected at least window (20000)"));
}
