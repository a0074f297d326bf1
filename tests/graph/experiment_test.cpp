#include "graph/experiment.h"

#include "support/test.h"

using namespace arzoo;
using namespace arzoo::graph;

namespace {

/// Four sources that return to what they met last every second time, and else meet something new.
std::string returning_sources(int64_t events) {
  std::string text = "src,dst,time\n";
  std::vector<std::string> last(4, "t");
  for (int64_t i = 0; i < events; ++i) {
    auto& own = last[static_cast<std::size_t>(i * 7 % 4)];
    if (i % 2 == 0) own = fmt::format("t{}", i);
    text += fmt::format("s{},{},{}\n", i * 7 % 4, own, i);
  }
  return text;
}

double auc_of(const runtime::Metrics& metrics) {
  for (const auto& [name, value] : metrics)
    if (name == "auc") return value;
  return 0.0;
}

}  // namespace

TEST_CASE("what recurs in a stream is learnt") {
  const test::TempDir temp;
  const Json run{{"model",
                  {{"name", "todyformer"},
                   {"node_dim", 8},
                   {"time_dim", 4},
                   {"dim", 16},
                   {"ff", 32},
                   {"local_layers", 1},
                   {"patches", 4}}},
                 {"data",
                  {{"path", temp.write("events.csv", returning_sources(900)).string()},
                   {"window", 60},
                   {"node_features", "none"}}},
                 {"training", {{"batch_size", 30}}},
                 {"evaluation", {{"batch_size", 30}}},
                 {"seed", 0}};
  torch::manual_seed(0);
  LinkExperiment experiment(Config(run, "run.json"), {});
  torch::optim::Adam adam(experiment.model().parameters(), torch::optim::AdamOptions(5e-3));
  experiment.model().train();
  for (int64_t step = 0; step < 120; ++step) {
    adam.zero_grad();
    experiment.loss(step).total.backward();
    adam.step();
  }
  CHECK(auc_of(experiment.evaluate(runtime::Split::test)) > 0.55);
}
