#include "plan/cost_model.h"

#include <algorithm>
#include <cmath>

namespace arzoo::plan {
namespace {

// Gradients travel in buckets of this size; those of the last one are complete when backward ends, so that
// nothing hides them (runtime/data_parallel.cpp).
constexpr double kBucket = 25.0 * (1 << 20);
// Backward computes two products for each of forward's.
constexpr double kBackward = 2.0 / 3.0;

/// The share of a ring's bytes that each of `n` passes on in one round of it.
double passed_on(int64_t n) { return static_cast<double>(n - 1) / static_cast<double>(n); }

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// An all-reduce of everything, bucket by bucket.
double in_buckets(double bytes, int64_t processes, const Hardware& hardware) {
  const double buckets = std::max(1.0, std::ceil(bytes / kBucket));
  return buckets * all_reduce_seconds(bytes / buckets, processes, hardware);
}

void add_memory(TrainingCost& cost, const TrainingWork& work, int64_t processes) {
  const auto parameters = static_cast<double>(work.parameters), trained = static_cast<double>(work.trained);
  const bool full = work.shard == "full";
  const double own = full ? trained / static_cast<double>(processes) : trained;
  const bool shared = work.shard == "optimizer" && work.largest_share > 0;
  const double updated = shared ? static_cast<double>(work.largest_share) : own;
  cost.weights = work.weight_bytes * (parameters - trained + own) + work.copy_bytes * own;
  cost.gradients = work.weight_bytes * own;
  cost.moments = work.moment_bytes * updated;
  cost.activations = work.sample_activations * static_cast<double>(cost.batch);
  // The optimiser reads weight, gradient and moments and writes all of them, the gradient as zeros.
  cost.update_traffic = 2 * (2 * work.weight_bytes + work.copy_bytes + work.moment_bytes) * updated;
}

/// Bytes sent, seconds of it, and what of them is not hidden.
void add_messages(TrainingCost& cost, const TrainingWork& work, int64_t processes, const Hardware& hardware) {
  if (processes == 1) return;
  const double bytes = work.weight_bytes * static_cast<double>(work.trained);
  const double once = bytes * passed_on(processes), both = in_buckets(bytes, processes, hardware);
  const double batch_seconds = cost.compute_seconds / static_cast<double>(work.accumulation_steps);
  if (work.shard == "full") {
    // Each batch gathers the weights forward and backward, and scatters its gradients.
    const auto batches = static_cast<double>(work.accumulation_steps);
    cost.sent = 3 * once * batches;
    cost.message_seconds = 1.5 * both * batches;
    cost.waited_seconds = std::max(0.0, cost.message_seconds - hardware.overlap * cost.compute_seconds);
    return;
  }
  cost.sent = 2 * once;
  cost.message_seconds = both;
  const double last = all_reduce_seconds(std::min(bytes, kBucket), processes, hardware);
  cost.waited_seconds = std::max(last, both - hardware.overlap * kBackward * batch_seconds);
  if (work.shard != "optimizer") return;
  // What a process has updated goes to the others after the update.
  cost.sent += once;
  cost.message_seconds += both / 2;
  cost.waited_seconds += both / 2;
}

}  // namespace

Hardware find_hardware(const std::string& name, bool half_precision) {
  const std::filesystem::path file(name);
  if (file.extension() == ".json") return Config::load(file).as<Hardware>();
  Hardware hardware;
  if (name != "h100" && name != "h200")
    fail<UsageError>("--hardware: \"{}\": expected h100, h200 or a JSON file", name);
  // Dense products: half of the figures for sparse ones that the data sheets print. 32-bit: without TF32.
  hardware.flops = half_precision ? 989.4e12 : 67e12;
  hardware.memory = name == "h100" ? 80e9 : 141e9;
  hardware.memory_rate = name == "h100" ? 3.35e12 : 4.8e12;
  hardware.link_rate = 450e9;
  hardware.network_rate = 50e9;
  hardware.source = name == "h100" ? "NVIDIA H100 SXM data sheet; NVLink 900 GB/s in both directions; an "
                                     "InfiniBand NDR port of 400 Gb/s each"
                                   : "NVIDIA H200 SXM data sheet; NVLink 900 GB/s in both directions; an "
                                     "InfiniBand NDR port of 400 Gb/s each";
  return hardware;
}

double all_reduce_seconds(double bytes, int64_t processes, const Hardware& hardware) {
  if (processes == 1) return 0.0;
  const auto inside = std::min(processes, hardware.per_machine);
  const auto machines = ceil_div(processes, hardware.per_machine);
  double seconds = 0.0;
  if (inside > 1) {
    seconds += 2 * passed_on(inside) * bytes / (hardware.link_rate * hardware.link_share) +
               2 * static_cast<double>(inside - 1) * hardware.link_latency;
  }
  if (machines > 1) {
    const double part = bytes / static_cast<double>(inside);
    seconds += 2 * passed_on(machines) * part / (hardware.network_rate * hardware.link_share) +
               2 * std::ceil(std::log2(static_cast<double>(machines))) * hardware.network_latency;
  }
  return seconds;
}

TrainingCost training_cost(const TrainingWork& work, int64_t processes, const Hardware& hardware) {
  TrainingCost cost;
  cost.batch = ceil_div(work.batch_size, processes);
  cost.compute_seconds = work.sample_flops * static_cast<double>(cost.batch * work.accumulation_steps) /
                         (hardware.flops * hardware.flops_share);
  add_memory(cost, work, processes);
  cost.update_seconds = cost.update_traffic / hardware.memory_rate;
  add_messages(cost, work, processes, hardware);
  return cost;
}

double efficiency(const TrainingWork& work, int64_t processes, const Hardware& hardware) {
  const double one = training_cost(work, 1, hardware).step_seconds();
  const double each = training_cost(work, processes, hardware).step_seconds();
  return each > 0.0 ? std::min(1.0, one / (each * static_cast<double>(processes))) : 1.0;
}

int64_t scales_to(const TrainingWork& work, const Hardware& hardware, double least) {
  int64_t most = 1;
  for (int64_t processes = 2; processes <= work.batch_size; processes *= 2) {
    if (efficiency(work, processes, hardware) >= least) most = processes;
  }
  return most;
}

}  // namespace arzoo::plan
