#pragma once

#include <string>

#include "core/config.h"

/// What training costs in several processes: a model of time, memory and messages in closed form, whose
/// constants are those of the hardware (docs/scale.md tells how well it predicts what was measured).
namespace arzoo::plan {

/// Processors of one kind, a process for each, and what connects them. Rates are peaks as `source` gives
/// them; the shares say how much of a peak a training step gets.
struct Hardware {
  std::string source;
  double flops = 0.0;
  double flops_share = 0.4;
  double memory = 0.0;
  double memory_rate = 0.0;
  int64_t per_machine = 8;
  double link_rate = 0.0;
  double link_latency = 5e-6;
  double network_rate = 0.0;
  double network_latency = 1e-5;
  double link_share = 0.8;
  double overlap = 1.0;

  static void fields(auto& o, auto& field) {
    field("source", o.source, {}, "where the numbers come from");
    field("flops", o.flops, more_than(0),
          "floating-point operations per second of a processor's matrix products");
    field("flops_share", o.flops_share, between(1e-6, 1), "share of them that a training step gets");
    field("memory", o.memory, more_than(0), "bytes of memory of a processor");
    field("memory_rate", o.memory_rate, more_than(0), "bytes per second between a processor and its memory");
    field("per_machine", o.per_machine, between(1, 1e6), "processes of one machine");
    field("link_rate", o.link_rate, more_than(0), "bytes per second from a process to others of its machine");
    field("link_latency", o.link_latency, at_least(0), "seconds of a message within a machine");
    field("network_rate", o.network_rate, more_than(0), "bytes per second from a process to other machines");
    field("network_latency", o.network_latency, at_least(0), "seconds of a message between machines");
    field("link_share", o.link_share, between(1e-6, 1),
          "share of the two rates that collective operations get");
    field(
        "overlap", o.overlap, between(0, 1),
        "share of the computation that messages can hide behind; 0 where sending takes the processor's time");
  }
  void check() const {
    require(flops > 0 && memory > 0 && memory_rate > 0, "flops, memory and memory_rate must be given");
    require(link_rate > 0 && network_rate > 0, "link_rate and network_rate must be given");
  }
};

/// "h100" or "h200" (SXM, eight to a machine; 16-bit or 32-bit products), or a JSON file of the fields above.
/// Throws UsageError for another name and ConfigError for what a file says.
Hardware find_hardware(const std::string& name, bool half_precision);

/// What one training run is, apart from where it runs.
struct TrainingWork {
  double sample_flops =
      0.0;  ///< of a sample, forward and backward, with what is computed again; 0: not known
  double sample_activations = 0.0;  ///< bytes kept from the forward pass of a sample for its backward pass
  int64_t parameters = 0;           ///< numbers of the model
  int64_t trained = 0;              ///< those with a gradient and two moments
  int64_t largest_share = 0;  ///< of them, those of the process that updates most, with shard "optimizer"
  int64_t batch_size = 1;     ///< joint
  int64_t accumulation_steps = 1;
  std::string shard = "none";  ///< training.shard: none | optimizer | full
  /// Bytes of a weight and of its gradient as they compute and travel, of the copy that is updated instead of
  /// the weight (0: none), and of both moments.
  double weight_bytes = 4.0, copy_bytes = 0.0, moment_bytes = 8.0;
};

/// What each of `processes` has of it: the largest part of a batch, and a step of the optimiser.
struct TrainingCost {
  int64_t batch = 0;
  double weights = 0.0, gradients = 0.0, moments = 0.0, activations = 0.0;  ///< bytes of memory
  double update_traffic = 0.0;  ///< bytes between processor and memory
  double sent = 0.0;            ///< bytes of messages
  double compute_seconds = 0.0, update_seconds = 0.0;
  double message_seconds = 0.0;  ///< of messages, whether the computation hides them or not
  double waited_seconds = 0.0;   ///< of those that it cannot hide

  double state() const { return weights + gradients + moments; }
  double step_seconds() const { return compute_seconds + update_seconds + waited_seconds; }
};

/// Seconds of a ring all-reduce of `bytes`: within each machine, then between machines, where each process
/// has its part of the machine's bytes to exchange. A reduce-scatter or an all-gather takes half of it.
double all_reduce_seconds(double bytes, int64_t processes, const Hardware& hardware);

/// processes: at most the joint batch.
TrainingCost training_cost(const TrainingWork& work, int64_t processes, const Hardware& hardware);

/// How much of `processes` times one process's speed they reach together, at most 1.
double efficiency(const TrainingWork& work, int64_t processes, const Hardware& hardware);

/// The largest power of two of processes whose efficiency is at least `least` with this batch.
int64_t scales_to(const TrainingWork& work, const Hardware& hardware, double least = 0.8);

}  // namespace arzoo::plan
