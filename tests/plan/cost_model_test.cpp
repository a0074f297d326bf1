#include "plan/cost_model.h"

#include "support/test.h"

using namespace arzoo;
using namespace arzoo::plan;

namespace {

/// Round numbers: 1 GFLOP/s, 1 GB/s everywhere, no latency, two processes a machine.
Hardware slow_hardware() {
  Hardware hardware;
  hardware.flops = 1e9;
  hardware.flops_share = 1.0;
  hardware.memory = 1e9;
  hardware.memory_rate = 1e9;
  hardware.per_machine = 2;
  hardware.link_rate = hardware.network_rate = 1e9;
  hardware.link_latency = hardware.network_latency = 0.0;
  hardware.link_share = 1.0;
  return hardware;
}

/// A gigabyte of weights, a second of computation for a sample.
TrainingWork large_work() {
  TrainingWork work;
  work.sample_flops = 1e9;
  work.sample_activations = 1e6;
  work.parameters = work.trained = 250'000'000;
  work.batch_size = 8;
  return work;
}

}  // namespace

TEST_CASE("an all-reduce goes around a machine first, then around the machines with a part of the bytes") {
  const auto hardware = slow_hardware();
  CHECK(all_reduce_seconds(1e9, 1, hardware) == 0.0);
  CHECK(all_reduce_seconds(1e9, 2, hardware) == Approx(1.0));  // 2 (2 - 1) / 2
  CHECK(all_reduce_seconds(1e9, 4, hardware) ==
        Approx(1.0 + 0.5));  // and half of the bytes between two machines
  CHECK(all_reduce_seconds(1e9, 8, hardware) == Approx(1.0 + 0.75));
}

TEST_CASE("latencies count for each round") {
  auto hardware = slow_hardware();
  hardware.link_latency = 1.0;
  hardware.network_latency = 100.0;
  CHECK(all_reduce_seconds(0.0, 2, hardware) == Approx(2.0));
  CHECK(all_reduce_seconds(0.0, 8, hardware) == Approx(2.0 + 2 * 2 * 100.0));
}

TEST_CASE("memory and messages are those of the way the state is shared") {
  auto work = large_work();
  const auto hardware = slow_hardware();
  work.shard = GENERATE("none", "optimizer", "full");
  CAPTURE(work.shard);
  work.largest_share = work.trained / 4;
  const auto cost = training_cost(work, 4, hardware);
  CHECK(cost.batch == 2);
  CHECK(cost.activations == Approx(2e6));
  const bool full = work.shard == "full";
  CHECK(cost.weights == Approx(full ? 0.25e9 : 1e9));
  CHECK(cost.gradients == Approx(full ? 0.25e9 : 1e9));
  CHECK(cost.moments == Approx(work.shard == "none" ? 2e9 : 0.5e9));
  CHECK(cost.update_seconds == Approx(work.shard == "none" ? 8.0 : 2.0));
  CHECK(cost.sent == Approx(work.shard == "none" ? 1.5e9 : 2.25e9));
}

TEST_CASE("16-bit weights halve memory and messages, and their copies are updated") {
  auto work = large_work();
  work.weight_bytes = 2.0;
  work.copy_bytes = 4.0;
  const auto cost = training_cost(work, 4, slow_hardware());
  CHECK(cost.weights == Approx(1.5e9));
  CHECK(cost.gradients == Approx(0.5e9));
  CHECK(cost.moments == Approx(2e9));
  CHECK(cost.sent == Approx(0.75e9));
  CHECK(cost.update_seconds == Approx(2 * 16 * 0.25));
}

TEST_CASE("frozen weights have no gradients, no moments and are sent nowhere") {
  auto work = large_work();
  work.trained = 0;
  work.shard = "full";
  const auto cost = training_cost(work, 8, slow_hardware());
  CHECK(cost.state() == Approx(1e9));
  CHECK(cost.sent == 0.0);
}

TEST_CASE("messages hide behind backward, but for the last bucket's") {
  auto work = large_work();
  auto hardware = slow_hardware();
  work.batch_size = 2;
  auto cost = training_cost(work, 2, hardware);
  CHECK(cost.compute_seconds == Approx(1.0));
  CHECK(cost.message_seconds == Approx(1.0));
  CHECK(cost.waited_seconds == Approx(1.0 / 3.0));  // backward takes two thirds of the second
  CHECK(cost.step_seconds() == Approx(1.0 + 8.0 + 1.0 / 3.0));
  work.batch_size = 200;
  CHECK(training_cost(work, 2, hardware).waited_seconds == Approx(0.025).epsilon(0.1));
  hardware.overlap = 0.0;
  CHECK(training_cost(work, 2, hardware).waited_seconds == Approx(1.0));
}

TEST_CASE("gradients of several batches travel once, gathered weights for each of them") {
  auto work = large_work();
  const auto hardware = slow_hardware();
  const double once = training_cost(work, 2, hardware).sent;
  work.shard = "full";
  const double gathered = training_cost(work, 2, hardware).sent;
  work.accumulation_steps = 3;
  CHECK(training_cost(work, 2, hardware).sent == Approx(3 * gathered));
  CHECK(training_cost(work, 2, hardware).compute_seconds == Approx(3 * 4.0));
  work.shard = "none";
  CHECK(training_cost(work, 2, hardware).sent == Approx(once));
}

TEST_CASE("a batch that does not divide is as slow as its largest part") {
  auto work = large_work();
  work.trained = 0;
  work.batch_size = 9;
  CHECK(training_cost(work, 8, slow_hardware()).batch == 2);
  CHECK(efficiency(work, 8, slow_hardware()) == Approx(9.0 / 16.0));
  CHECK(efficiency(work, 1, slow_hardware()) == 1.0);
}

TEST_CASE("a larger batch scales further") {
  auto work = large_work();
  const auto hardware = find_hardware("h100", true);
  work.sample_flops = 1e12;
  work.batch_size = 64;
  const auto few = scales_to(work, hardware);
  work.batch_size = 4096;
  const auto many = scales_to(work, hardware);
  CHECK(few >= 1);
  CHECK(many > few);
  CHECK(efficiency(work, many, hardware) >= 0.8);
  if (2 * many <= work.batch_size) CHECK(efficiency(work, 2 * many, hardware) < 0.8);
}

TEST_CASE("hardware is known by name or described by a file") {
  CHECK(find_hardware("h200", true).memory > find_hardware("h100", true).memory);
  CHECK(find_hardware("h100", true).flops > find_hardware("h100", false).flops);
  CHECK_THROWS_WITH(find_hardware("h300", true), "--hardware: \"h300\": expected h100, h200 or a JSON file");
  const test::TempDir folder;
  const auto whole = folder.write(
      "mine.json",
      R"({"flops": 1e12, "memory": 1e10, "memory_rate": 1e11, "link_rate": 1e9, "network_rate": 1e8})");
  CHECK(find_hardware(whole.string(), true).network_rate == 1e8);
  const auto partial = folder.write("less.json", R"({"flops": 1e12})");
  CHECK_THROWS_AS(find_hardware(partial.string(), true), ConfigError);
}

TEST_CASE("the model says of large models on many GPUs what docs/scale.md prints") {
  struct Row {
    double billions, sample_tflop;
    const char* shard;
    int64_t processes;
    double state_gb, sent_gb, seconds, waited, efficiency;
  };
  const auto row = GENERATE(values<Row>({
      {2.42, 29.7, "none", 8, 38.7, 16.9, 9.62, 0.000, 1.00},
      {2.42, 29.7, "none", 64, 38.7, 19.0, 1.22, 0.000, 0.99},
      {2.42, 29.7, "none", 512, 38.7, 19.3, 0.24, 0.076, 0.62},
      {2.42, 29.7, "optimizer", 64, 19.6, 28.5, 1.28, 0.074, 0.94},
      {2.42, 29.7, "full", 64, 0.6, 28.5, 1.20, 0.000, 1.00},
      {2.42, 29.7, "full", 512, 0.1, 28.9, 0.27, 0.115, 0.57},
      {2.01, 5.6, "none", 8, 32.2, 14.1, 1.83, 0.000, 0.99},
      {2.01, 5.6, "none", 64, 32.2, 15.8, 0.24, 0.000, 0.94},
      {2.01, 5.6, "none", 512, 32.2, 16.0, 0.17, 0.128, 0.17},
      {2.01, 5.6, "optimizer", 64, 16.3, 23.7, 0.29, 0.062, 0.79},
      {2.01, 5.6, "full", 64, 0.5, 23.7, 0.23, 0.000, 1.00},
      {2.01, 5.6, "full", 512, 0.1, 24.1, 0.22, 0.192, 0.13},
  }));
  CAPTURE(row.billions, row.shard, row.processes);
  const auto hardware = find_hardware("h200", true);
  TrainingWork work;
  work.parameters = work.trained = static_cast<int64_t>(row.billions * 1e9);
  work.sample_flops = row.sample_tflop * 1e12;
  work.batch_size = 1024;
  work.shard = row.shard;
  work.largest_share = work.trained / row.processes;
  const auto cost = training_cost(work, row.processes, hardware);
  CHECK(cost.state() / 1e9 == Approx(row.state_gb).margin(0.1));
  CHECK(cost.sent / 1e9 == Approx(row.sent_gb).margin(0.1));
  CHECK(cost.step_seconds() == Approx(row.seconds).margin(0.01).epsilon(0.005));
  CHECK(cost.waited_seconds == Approx(row.waited).margin(0.002));
  CHECK(efficiency(work, row.processes, hardware) == Approx(row.efficiency).margin(0.012));
}
