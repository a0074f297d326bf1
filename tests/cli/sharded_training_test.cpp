#include "cli/launched_training.h"

/// Processes that keep parts of the weights, bf16 weights with fp32 copies, and blocks that are computed
/// again.

using namespace arzoo;
using namespace arzoo::test;

namespace {

const Words kRecipe = set("training.lradj=constant") + set("training.optimizer=adamw") +
                      set("training.weight_decay=0.1") + set("model.e_layers=3");

constexpr const char* kExperts = R"({
  "model": {"name": "time_moe", "hidden_size": 32, "intermediate_size": 64, "horizon_lengths": [1, 4],
            "num_hidden_layers": 2, "num_attention_heads": 2, "num_experts": 3, "initializer_range": 0.2},
  "data": {"path": "series.csv", "seq_len": 12, "label_len": 0, "pred_len": 4, "marks": false},
  "training": {"batch_size": 7, "optimizer": "adamw", "weight_decay": 0.1, "learning_rate": 0.001},
  "seed": 1
})";

Words of_steps(int64_t steps) { return set("training.max_steps=" + std::to_string(steps)); }

void require_done(const Ended& ended) {
  INFO(ended.err);
  REQUIRE(ended.code == 0);
}

}  // namespace

TEST_CASE("processes that keep parts of weights, gradients and moments train as one") {
  const ProgramWithData arzoo;
  const Words recipe = kRecipe + of_steps(20) + set("training.batch_size=7") +
                       set("training.accumulation_steps=2") + set("training.clip_grad_norm=0.5") +
                       set("training.ema_decay=0.9") + set("training.no_weight_decay=[\"*.bias\"]");
  require_done(arzoo(training("one", recipe)));
  for (const int processes : {2, 3}) {
    CAPTURE(processes);
    const auto run = "of" + std::to_string(processes);
    require_done(arzoo(launched(processes, training(run, recipe + set("training.shard=full")))));
    check_same_log(arzoo.files() / run, arzoo.files() / "one");
  }
}

TEST_CASE("the state of a sharded run is whole: others resume it, and it resumes others") {
  const ProgramWithData arzoo;
  const Words recipe = kRecipe + set("training.ema_decay=0.9"), full = set("training.shard=full");
  const auto more = [&](int64_t steps) { return of_steps(steps) + Words{"--resume"}; };
  require_done(arzoo(training("one", recipe + of_steps(18))));
  for (const int64_t steps : {20, 22}) require_done(arzoo(training("one", recipe + more(steps))));
  require_done(arzoo(launched(2, training("run", recipe + full + of_steps(18)))));
  require_done(arzoo(training("run", recipe + more(20))));
  require_done(arzoo(launched(2, training("run", recipe + full + more(22)))));
  check_same_log(arzoo.files() / "run", arzoo.files() / "one");
}

TEST_CASE(
    "bf16 weights with fp32 copies are resumed to the bit, and sharded processes have the same numbers") {
  const ProgramWithData arzoo;
  const Words recipe = kRecipe + set("training.param_dtype=bf16");
  require_done(arzoo(training("whole", recipe + of_steps(22))));
  require_done(arzoo(training("one", recipe + set("training.save_every=10") + of_steps(10))));
  require_done(arzoo(training("one", recipe + of_steps(22) + Words{"--resume"})));
  CHECK(read_file(arzoo.files() / "one/last/training.safetensors") ==
        read_file(arzoo.files() / "whole/last/training.safetensors"));
  require_done(arzoo(launched(2, training("two", recipe + of_steps(22)))));
  require_done(arzoo(launched(2, training("full", recipe + of_steps(22) + set("training.shard=full")))));
  check_same_log(arzoo.files() / "full", arzoo.files() / "two", 1e-5);
}

TEST_CASE("blocks that are computed again give the same numbers to the bit, with dropout") {
  const ProgramWithData arzoo;
  const Words recipe = kRecipe + of_steps(20) + set("model.dropout=0.2") + set("training.optimizer=sgd") +
                       set("training.momentum=0.9");
  require_done(arzoo(training("plain", recipe)));
  require_done(arzoo(training("again", recipe + set("training.recompute=true"))));
  check_same_log(arzoo.files() / "again", arzoo.files() / "plain", 1e-300);
  require_done(arzoo(launched(2, training("two", recipe))));
  require_done(arzoo(
      launched(2, training("full", recipe + set("training.shard=full") + set("training.recompute=true")))));
  check_same_log(arzoo.files() / "full", arzoo.files() / "two");
}

TEST_CASE("processes that keep some of the experts each train as one, and others resume their state") {
  const ProgramWithData arzoo;
  arzoo.write("experts.json", kExperts);
  const auto run = [](const std::string& name, const Words& more) {
    return training_of("experts.json", name, set("training.clip_grad_norm=0.5") + more);
  };
  const Words shared = set("training.shard=full") + set("training.expert_parallel=true");
  require_done(arzoo(run("one", of_steps(20))));
  require_done(arzoo(launched(2, run("two", shared + of_steps(18)))));
  require_done(arzoo(launched(3, run("two", shared + of_steps(20) + Words{"--resume"}))));
  const auto lines = log_of(arzoo.files() / "two"), wanted = log_of(arzoo.files() / "one");
  for (std::size_t i = 0; i < 18; ++i) {
    CAPTURE(i);
    if (!wanted[i].contains("loss")) continue;  // an epoch's line
    for (const auto* name : {"loss", "router/balance"})
      CHECK(std::abs(lines[i].at(name).get<double>() - wanted[i].at(name).get<double>()) < 1e-5);
  }
  CHECK(std::abs(lines.back().at("val_mse").get<double>() - wanted.back().at("val_mse").get<double>()) <
        1e-5);
  // Blocks that are computed again send their tokens again.
  require_done(arzoo(launched(2, run("again", shared + of_steps(20) + set("training.recompute=true")))));
  check_same_log(arzoo.files() / "again", arzoo.files() / "one", 1e-5);
}

TEST_CASE("memory is measured in each process and told beside what one process keeps") {
  const ProgramWithData arzoo;
  const auto memory_of = [](const Ended& ended) {
    require_done(ended);
    return ended.json().at("memory");
  };
  const Words recipe = of_steps(2) + Words{"--json"};
  const auto one = memory_of(arzoo(training("one", recipe)));
  const auto two = memory_of(arzoo(launched(2, training("two", recipe + set("training.shard=full")))));
  CHECK(one.at("peak_bytes").size() == 1);
  CHECK(two.at("peak_bytes").size() == 2);
  CHECK(two.at("training_bytes").size() == 2);
  CHECK(one.at("state_bytes") == one.at("single_state_bytes"));
  CHECK(two.at("single_state_bytes") == one.at("single_state_bytes"));
  CHECK_THAT(read_file(arzoo.files() / "two/report.html"), ContainsSubstring("measured peak"));
  const auto text = arzoo(launched(2, training("text", of_steps(2) + set("training.shard=full"))));
  CHECK_THAT(text.out, ContainsSubstring("MB at most; weights, gradients and moments"));
}

TEST_CASE("weights that are shared out as they are made are those of one process, also from a file") {
  const ProgramWithData arzoo;
  // Matrices of more than a megabyte are filled when they are shared out.
  const Words large = set("model.d_model=256") + set("model.d_ff=1100") + set("model.e_layers=2") +
                      set("training.lradj=constant") + of_steps(20) + set("training.batch_size=4");
  require_done(arzoo(training("one", large)));
  require_done(arzoo(launched(2, training("two", large + set("training.shard=full")))));
  check_same_log(arzoo.files() / "two", arzoo.files() / "one", 1e-5);
  const Words again = large + set("training.init_from=one");
  require_done(arzoo(training("three", again)));
  require_done(arzoo(launched(2, training("four", again + set("training.shard=full")))));
  check_same_log(arzoo.files() / "four", arzoo.files() / "three", 1e-5);
}

TEST_CASE("what cannot be combined is named") {
  const ProgramWithData arzoo;
  const auto refused = [&](const Words& options, const std::string& text) {
    const auto ended = arzoo(training("run", options));
    CHECK(ended.code == 2);
    CHECK_THAT(ended.err, ContainsSubstring(text));
  };
  refused(set("training.shard=optimizer") + set("training.param_dtype=bf16"),
          "param_dtype bf16 needs shard none or full, got optimizer");
  refused(set("training.expert_parallel=true"), "expert_parallel needs shard full, got none");
  const auto none =
      arzoo(launched(2, training("run", set("training.shard=full") + set("training.expert_parallel=true"))));
  CHECK(none.code == 2);
  CHECK_THAT(none.err, ContainsSubstring("training.expert_parallel: this model has no experts"));
  refused(set("training.master_weights=false"), "master_weights false is for param_dtype bf16");
}
