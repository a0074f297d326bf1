#include "runtime/step_graph.h"

#include "support/rerun_recorder.h"
#include "support/test.h"

using namespace arzoo;

TEST_CASE("a step runs as it is, is recorded at the second call and replayed from then on") {
  test::RecorderCounts counts;
  runtime::StepGraph graph(test::rerun_recorder(counts));
  int calls = 0;
  const auto twice = [&](const std::vector<at::Tensor>& inputs) {
    ++calls;
    return inputs[0] * 2 + inputs[1];
  };
  for (int i = 0; i < 4; ++i) {
    const auto x = at::full({3}, i, at::kFloat), y = at::full({3}, 10 * i, at::kFloat);
    CHECK(at::equal(graph.run({x, y}, twice), x * 2 + y));
    CHECK(graph.is_recorded() == (i > 0));
  }
  CHECK(counts.recorded == 1);
  CHECK(counts.replayed == 3);
}

TEST_CASE("without a recorder a step always runs as it is") {
  runtime::StepGraph graph({});
  for (int i = 0; i < 3; ++i) {
    const auto x = at::full({i + 1}, i, at::kFloat);
    CHECK(at::equal(graph.run({x}, [](const auto& inputs) { return inputs[0] + 1; }), x + 1));
  }
  CHECK_FALSE(graph.is_recorded());
}

TEST_CASE("a recorded step refuses inputs of other sizes or types") {
  test::RecorderCounts counts;
  runtime::StepGraph graph(test::rerun_recorder(counts));
  const auto same = [](const std::vector<at::Tensor>& inputs) { return inputs[0]; };
  graph.run({at::zeros({2})}, same);
  graph.run({at::zeros({2})}, same);
  CHECK_THROWS_AS(graph.run({at::zeros({3})}, same), std::logic_error);
  CHECK_THROWS_AS(graph.run({at::zeros({2}, at::kLong)}, same), std::logic_error);
}

TEST_CASE("nothing records on a CPU") { CHECK_FALSE(runtime::recorder_on(at::kCPU)); }
