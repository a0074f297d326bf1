#include "cli/launched_training.h"
#include "support/free_port.h"

/// Several processes that train one model, on this machine.

using namespace arzoo;
using namespace arzoo::test;

TEST_CASE("two and three processes train as one on the joint batch") {
  const ProgramWithData arzoo;
  // The parts of a batch of 7 are of 3 and 4, or of 2, 2 and 3.
  const Words recipe = set("training.batch_size=7") + set("training.max_steps=20") +
                       set("training.accumulation_steps=2") + set("training.clip_grad_norm=0.5") +
                       set("training.ema_decay=0.9");
  REQUIRE(arzoo(training("one", recipe)).code == 0);
  for (const int processes : {2, 3}) {
    CAPTURE(processes);
    const auto run = "of" + std::to_string(processes);
    const auto ended = arzoo(launched(processes, training(run, recipe + Words{"--json"})));
    INFO(ended.err);
    REQUIRE(ended.code == 0);
    CHECK(ended.json().at("processes") == processes);
    CHECK(ended.json().at("steps") == 20);
    const auto messages = ended.json().at("messages");
    CHECK(messages.at("timed_steps") == 9);  // of the first ten steps all but the first
    CHECK(messages.at("end") > messages.at("begin"));
    CHECK(messages.at("end") >= messages.at("backward_end"));
    CHECK(messages.at("hidden") >= 0.0);
    CHECK(messages.at("hidden") <= 1.0);
    check_same_log(arzoo.files() / run, arzoo.files() / "one");
    CHECK_THAT(read_file(arzoo.files() / run / "report.html"), ContainsSubstring("gradients travel"));
  }
}

TEST_CASE("a plan for several processes tells their memory, their messages and the time of a step") {
  const ProgramWithData arzoo;
  const auto plan = [&](const Words& more) {
    const auto ended =
        arzoo(training("run", set("training.batch_size=8") + more + Words{"--dry-run", "--json"}));
    INFO(ended.err);
    REQUIRE(ended.code == 0);
    return ended.json().at("plan");
  };
  const Words for_four{"--world-size", "4"};
  const auto two = plan({"--world-size", "2"}), four = plan(for_four);
  CHECK(two.at("batch_per_process") == 4);
  CHECK(four.at("batch_per_process") == 2);
  CHECK(four.at("sample_flops") > 0.0);
  CHECK(four.at("sample_flops") == two.at("sample_flops"));
  CHECK(four.at("process_activation_bytes") > 0);
  CHECK(two.at("process_activation_bytes") == 2 * four.at("process_activation_bytes").get<int64_t>());
  CHECK(four.at("step_sent_bytes") > two.at("step_sent_bytes"));
  CHECK(four.at("efficiency") > 0.0);
  CHECK(four.at("efficiency") <= 1.0);
  const auto shared = plan(for_four + set("training.shard=optimizer"));
  CHECK(shared.at("process_state_bytes") < four.at("process_state_bytes"));
  arzoo.write(
      "slow.json",
      R"({"flops": 1e9, "flops_share": 1, "memory": 1e10, "memory_rate": 1e9, "link_rate": 1e7, "network_rate": 1e7})");
  const auto slow = plan(for_four + Words{"--hardware", "slow.json"});
  CHECK(slow.at("compute_seconds").get<double>() == Approx(2e-9 * slow.at("sample_flops").get<double>()));
  CHECK(slow.at("step_seconds") > four.at("step_seconds"));
  check_refused(arzoo, {"train", "config.json", "--dry-run", "--world-size", "2", "--hardware", "abacus"}, 2,
                "--hardware: \"abacus\": expected h100, h200 or a JSON file");
}

TEST_CASE("a run is resumed by another number of processes") {
  const ProgramWithData arzoo;
  const Words short_run = set("training.max_steps=10") + set("training.lradj=constant"),
              whole_run = set("training.max_steps=20") + set("training.lradj=constant");
  REQUIRE(arzoo(training("one", whole_run)).code == 0);
  REQUIRE(arzoo(launched(2, training("run", short_run))).code == 0);
  const auto resumed = arzoo(launched(3, training("run", whole_run + Words{"--resume"})));
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  const auto lines = log_of(arzoo.files() / "run"), wanted = log_of(arzoo.files() / "one");
  CHECK(std::abs(lines[lines.size() - 2]["loss"].get<double>() -
                 wanted[wanted.size() - 2]["loss"].get<double>()) < 1e-6);
}

TEST_CASE("two processes that are resumed go on with the random numbers of a run that was not interrupted") {
  const ProgramWithData arzoo;
  const auto recipe = [](int64_t steps) {
    return set("training.max_steps=" + std::to_string(steps)) + set("training.lradj=constant") +
           set("model.dropout=0.2");
  };
  REQUIRE(arzoo(launched(2, training("whole", recipe(12)))).code == 0);
  REQUIRE(arzoo(launched(2, training("run", recipe(6)))).code == 0);
  const auto resumed = arzoo(launched(2, training("run", recipe(12) + Words{"--resume"})));
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  const auto lines = log_of(arzoo.files() / "run"), wanted = log_of(arzoo.files() / "whole");
  CHECK(lines[lines.size() - 2] == wanted[wanted.size() - 2]);  // the last step's; then the validation's
}

TEST_CASE("processes that keep a part of the moments each train as one, and their state is resumed by one") {
  const ProgramWithData arzoo;
  const Words recipe = set("training.clip_grad_norm=0.5") + set("training.lradj=constant") +
                       set("training.optimizer=adamw") + set("training.weight_decay=0.1"),
              sharded = recipe + set("training.shard=optimizer");
  REQUIRE(arzoo(training("one", recipe + set("training.max_steps=20"))).code == 0);
  const auto ended = arzoo(launched(2, training("run", sharded + set("training.max_steps=20"))));
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  check_same_log(arzoo.files() / "run", arzoo.files() / "one");
  // The state on disk is whole: one process goes on, and two again.
  const auto more = [&](int64_t steps) {
    return set("training.max_steps=" + std::to_string(steps)) + Words{"--resume"};
  };
  for (const int64_t steps : {22, 24}) REQUIRE(arzoo(training("one", recipe + more(steps))).code == 0);
  REQUIRE(arzoo(training("run", recipe + more(22))).code == 0);
  const auto again = arzoo(launched(2, training("run", sharded + more(24))));
  INFO(again.err);
  REQUIRE(again.code == 0);
  check_same_log(arzoo.files() / "run", arzoo.files() / "one");
}

TEST_CASE(
    "a process that is killed is named by the others, which end, and the run goes on from its last state") {
  const ProgramWithData arzoo;
  const Words recipe =
      set("training.batch_size=4") + set("training.epochs=40") + set("training.save_every=5");
  const std::string victim = GENERATE("0", "1");
  CAPTURE(victim);
  arzoo.write(
      "kill.sh",
      "while ! test -e run/last/training.json; do sleep 0.05; done\n"
      "for p in /proc/[0-9]*; do tr '\\0' '\\n' < $p/environ 2>/dev/null | grep -qx 'RANK=" +
          victim +
          "' && tr '\\0' '\\n' < $p/environ | grep -qx \"KILL_TOKEN=$1\" && kill -9 ${p#/proc/}; done\n");
  const std::string token = std::to_string(::getpid()) + "." + victim;
  ::setenv("KILL_TOKEN", token.c_str(), 1);
  std::thread killer([&] {
    static_cast<void>(std::system(("cd " + arzoo.files().string() + " && sh kill.sh " + token).c_str()));
  });
  const auto ended = arzoo(launched(2, training("run", recipe)));
  killer.join();
  ::unsetenv("KILL_TOKEN");
  INFO(ended.err);
  CHECK(ended.code == 1);
  CHECK(ended.seconds < 60);
  CHECK_THAT(ended.err,
             ContainsSubstring("rank " + victim + " of 2 is gone (start all processes again with --resume"));
  CHECK_THAT(ended.err, ContainsSubstring("launch: rank " + victim + " of 2"));
  const auto step = step_of(arzoo.files() / "run");
  CHECK(step >= 5);
  const auto resumed = arzoo(launched(2, training("run", recipe + Words{"--resume"})));
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(step_of(arzoo.files() / "run") > step);
}

TEST_CASE("an interrupt ends all processes at the same step, with the state saved") {
  const ProgramWithData arzoo;
  const Words recipe = set("training.batch_size=4") + set("training.epochs=2000");
  arzoo.write("stop.sh", "while ! test -s run/metrics.jsonl; do sleep 0.05; done; kill -INT $1\n");
  std::thread stopper([&] {
    static_cast<void>(
        std::system(("cd " + arzoo.files().string() + " && while ! p=$(pgrep -P " +
                     std::to_string(::getpid()) + " -x arzoo); do sleep 0.05; done; sh stop.sh $p")
                        .c_str()));
  });
  const auto ended = arzoo(launched(2, training("run", recipe)));
  stopper.join();
  INFO(ended.err);
  CHECK(ended.code == 130);
  CHECK_THAT(ended.err, ContainsSubstring("interrupted at step"));
  CHECK(step_of(arzoo.files() / "run") > 0);
}

TEST_CASE("processes that do not do the same run are refused, by rank and key") {
  const ProgramWithData arzoo;
  arzoo.write(
      "ranks.sh",
      "export WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=$3\n"
      "RANK=1 \"$1\" train config.json --out run --quiet $2 & RANK=0 \"$1\" train config.json --out run "
      "--quiet; code=$?; wait; exit $code\n");
  const std::string port = std::to_string(test::free_port());
  const auto ended = arzoo.call("sh", {"ranks.sh", ARZOO_BINARY, "--set=training.batch_size=3", port});
  CHECK(ended.code == 2);
  CHECK_THAT(ended.err, ContainsSubstring(
                            "rank 1 does not do the same run as rank 0: /config/training/batch_size is 3"));
}

TEST_CASE("a meeting that fails is an error within the timeout") {
  const ProgramWithData arzoo;
  const std::string port = std::to_string(test::free_port());
  const auto rank = [&](const std::string& number, const std::string& timeout) {
    return arzoo.call("env", Words{"RANK=" + number, "WORLD_SIZE=2", "MASTER_ADDR=127.0.0.1",
                                   "MASTER_PORT=" + port, ARZOO_BINARY} +
                                 training("run", {"--join-timeout", timeout}));
  };
  const auto alone = rank("1", "1");
  CHECK(alone.code == 1);
  CHECK(alone.seconds < 20);
  CHECK_THAT(alone.err,
             ContainsSubstring("arzoo: rank 1 of 2: no answer from 127.0.0.1:" + port + " within 1 s"));
  const auto waiting = rank("0", "1");
  CHECK(waiting.code == 1);
  CHECK_THAT(waiting.err, ContainsSubstring("arzoo: rank 0 of 2: rank 1 did not come to 127.0.0.1:" + port));
}

TEST_CASE("a mistake is said once, and a failure of one process has its exit code") {
  const ProgramWithData arzoo;
  const auto mistyped = arzoo(launched(2, {"trian", "config.json"}));
  CHECK(mistyped.code == 2);
  CHECK(mistyped.err == "arzoo: unknown command \"trian\" (did you mean \"train\"?)\n");
  const auto unknown = arzoo(launched(3, training("run", set("model.d_modle=3"))));
  CHECK(unknown.code == 2);
  CHECK(std::count(unknown.err.begin(), unknown.err.end(), '\n') == 1);
  const auto small = arzoo(launched(3, training("run", set("training.batch_size=2"))));
  CHECK(small.code == 2);
  CHECK(small.err ==
        "arzoo: training.batch_size: a batch of 2 for 3 processes, expected at least one item for each\n");
}

TEST_CASE("half of a launcher's variables is an error that names the missing one") {
  const ProgramWithData arzoo;
  const auto ended = arzoo.call("env", Words{"RANK=1", "WORLD_SIZE=2", ARZOO_BINARY} + training("run"));
  CHECK(ended.code == 2);
  CHECK(ended.err ==
        "arzoo: RANK is set, but MASTER_ADDR is not (a launcher sets RANK, WORLD_SIZE, MASTER_ADDR and "
        "MASTER_PORT)\n");
  const auto wrong = arzoo.call("env", Words{"RANK=2", "WORLD_SIZE=2", ARZOO_BINARY} + training("run"));
  CHECK(wrong.err == "arzoo: RANK=2: expected a whole number between 0 and 1\n");
}
