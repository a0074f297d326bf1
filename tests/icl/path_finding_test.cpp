#include "icl/path_finding.h"

#include "icl/path_learner.h"
#include "icl/random_inputs.h"
#include "support/test.h"

using namespace arzoo;
using icl::PathRow;
using icl::PathVerdict;

namespace {

/// 0 -> 1 -> 2 -> 4, 0 -> 3 -> 4.
icl::PathGraph diamond() {
  icl::PathGraph graph{at::zeros({5, 5}, at::kBool), at::zeros({5, 5}, at::kBool)};
  for (const auto& [from, to] :
       std::vector<std::pair<int64_t, int64_t>>{{0, 1}, {1, 2}, {2, 4}, {0, 3}, {3, 4}})
    graph.adjacency[from][to] = true;
  for (const auto& [from, to] : std::vector<std::pair<int64_t, int64_t>>{
           {0, 1}, {0, 2}, {0, 3}, {0, 4}, {1, 2}, {1, 4}, {2, 4}, {3, 4}})
    graph.reachability[from][to] = true;
  return graph;
}

icl::PathTask path_task(int64_t nodes, int64_t seed) {
  icl::GraphOptions options;
  options.num_nodes = nodes;
  options.edge_prob = 0.2;
  options.num_of_paths = 3;
  return icl::PathTask::sample(options, seed);
}

}  // namespace

TEST_CASE("every sampled row is a path, and reachability is the closure of the edges") {
  const auto task = path_task(20, GENERATE(1, 2, 3));
  auto closure = task.graph.adjacency.to(at::kFloat);
  for (int64_t i = 0; i < 20; ++i) closure = (closure + at::matmul(closure, closure)).clamp_max(1.0);
  CHECK(at::equal(closure > 0, task.graph.reachability));
  for (const auto* rows : {&task.rows.train, &task.rows.test}) {
    for (const auto& row : *rows) CHECK(icl::judge(row, task.graph) == PathVerdict::valid);
  }
  const auto split = task.split;
  CHECK(at::equal(split != 0, task.graph.reachability));
  CHECK((split.masked_select(task.graph.adjacency) == 1).all().item<bool>());
}

TEST_CASE("rows are judged by the first thing that is wrong with them") {
  const auto [row, verdict] =
      GENERATE(table<PathRow, PathVerdict>({{{0, 4, 0, 3, 4}, PathVerdict::valid},
                                            {{0, 4, 0, 1, 2, 4}, PathVerdict::valid},
                                            {{0, 4, 0}, PathVerdict::wrong_syntax},
                                            {{}, PathVerdict::wrong_syntax},
                                            {{0, 4, 1, 2, 4}, PathVerdict::wrong_ends},
                                            {{0, 4, 0, 3}, PathVerdict::wrong_ends},
                                            {{0, 4, 0, 4}, PathVerdict::no_edge},
                                            {{0, 4, 0, 2, 4}, PathVerdict::no_edge}}));
  CHECK(icl::judge(row, diamond()) == verdict);
}

TEST_CASE("the degree counts the steps to what training showed") {
  // On the way to 4 training showed node 2 alone, and 4.
  const auto seen = icl::observe({{1, 4, 1, 2, 4}}, 5);
  CHECK(seen.adjacency[1][2].item<bool>());
  CHECK_FALSE(seen.reachability[4][1].item<bool>());
  CHECK(icl::path_degree(diamond(), seen, 2, 4) == 0);
  CHECK(icl::path_degree(diamond(), seen, 1, 4) == 1);
  CHECK(icl::path_degree(diamond(), seen, 0, 4) == 2);
  CHECK(icl::path_degree(diamond(), seen, 0, 3) == -1);
}

TEST_CASE("tokens of a row are read back, whatever follows the end") {
  const PathRow row{3, 7, 3, 5, 7};
  const auto tokens = icl::row_tokens({row}, 32);
  CHECK(tokens.size(1) == 33);
  CHECK(icl::row_of(tokens[0]) == row);
}

TEST_CASE("generation stops at the end of every row, and repeats with its generator") {
  icl::AlpineOptions options;
  options.decoder.n_embd = 8;
  torch::manual_seed(2);
  icl::PathLearner learner(options, 12, 16);
  learner.initialise();
  const auto prompts = at::randint(2, 12, {6, 2}, at::kLong);
  const auto once = learner.generate(prompts, icl::kEndToken, icl::generator_of(1, icl::kTestStream, 0)),
             again = learner.generate(prompts, icl::kEndToken, icl::generator_of(1, icl::kTestStream, 0));
  CHECK(at::equal(once, again));
  CHECK(at::equal(once.narrow(1, 0, 2), prompts));
  CHECK(once.size(1) <= 16);
  const bool all_ended = (once == icl::kEndToken).any(1).all().item<bool>();
  CHECK((all_ended || once.size(1) == 16));
}

TEST_CASE("the head is the embedding, under both names and once for the optimiser") {
  icl::PathLearner learner({}, 12, 16);
  CHECK(learner.named_parameters().contains("transformer.wte.weight"));
  CHECK_FALSE(learner.named_parameters().contains("lm_head.weight"));
  learner.initialise();
  CHECK(at::equal(learner.named_buffers()["lm_head.weight"], learner.embedding()));
}
