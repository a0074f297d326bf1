#pragma once

#include <atomic>
#include <functional>
#include <optional>

#include "core/metrics_log.h"
#include "core/progress.h"
#include "core/run_dir.h"
#include "io/event_file.h"
#include "runtime/checkpoint.h"
#include "runtime/data_parallel.h"
#include "runtime/device.h"
#include "runtime/experiment.h"
#include "runtime/optimizer.h"
#include "runtime/sharded_parameters.h"
#include "runtime/train_state.h"
#include "runtime/training_options.h"
#include "runtime/training_step.h"
#include "runtime/weight_average.h"

namespace arzoo::runtime {

/// Memory of weights, gradients and moments, computed: of this process, with the weights that it gathers in a
/// step, and of a single process that trains the same model.
struct StateBytes {
  int64_t own = 0, single = 0;
};

/// What a run came to.
struct TrainSummary {
  int64_t steps = 0, epochs = 0;
  int64_t best_epoch = 0;  ///< 1 is the first
  double seconds = 0.0;    ///< of this process, without what an interrupted one had done before
  bool finished = false;   ///< nothing is left to train
  Metrics best_val, test;
  MessageTimes messages;  ///< of several processes
  StateBytes state;
};

/// The one training loop: steps, clipping, schedule, validation, early stopping, saving. Interrupted anywhere
/// by `stop` it saves and throws Interrupted; resumed, it ends with the same losses and weights to the bit as
/// a run that was not (on one machine, with as many threads and processes).
///
/// With compute.group the processes of the group train one model together, each on its share of every batch;
/// the first of them reads and writes the run directory.
class Trainer {
 public:
  /// run: null in all processes of a group but the first.
  Trainer(Experiment& experiment, const TrainingOptions& options, const Compute& compute, const RunDir* run,
          Progress& progress, const std::atomic<bool>& stop);

  /// Trains from the start, or from last/ when `resume`; ends with the best weights in the model and in
  /// model/. share: rests after so much of its steps, validated and saved, at the end of an epoch where the
  /// share has one; resumed, it goes on as if it had not rested, but for a validation within an epoch.
  ///
  /// Throws SystemFailure, naming the step, for a loss or a metric that is not finite: what was saved before
  /// stays as it is.
  TrainSummary fit(bool resume, double share = 1.0);

  /// Runs `work`, without autograd, in the first process with the weights at hand, one unit at a time where
  /// they are shared out. All processes must call it.
  void in_first(const std::function<void()>& work) { in_first(LoneWork::reads_weights, work); }

  /// Throws UsageError when the options give fewer epochs or steps than the run in last/ has had. fit() does
  /// so as well; this is for a caller that is about to replace the run's config.
  void check_resumable() const;

 private:
  /// As far as step `rest`.
  void train_epoch(int64_t rest);
  bool validate();
  bool is_finished() const;
  void in_first(LoneWork kind, const std::function<void()>& work);
  StateBytes state_bytes() const;
  /// Runs `work` with the weights that are evaluated and saved in the model, in every process.
  template <class Work>
  auto with_weights(const Work& work) {
    struct Published {
      explicit Published(Optimizer& own) : optimizer(own) {}
      ~Published() { optimizer.publish(); }
      Optimizer& optimizer;
    } const published(optimizer_);
    return average_.in_model([&] {
      optimizer_.publish();
      return work();
    });
  }
  void log_line(int64_t epoch, const NamedValues& values);
  void save_last();
  void restore_last();
  TrainTensors restored_tensors();
  /// The model's errors, the same numbers in every process.
  Metrics evaluate(Split split);
  void log_step(const StepLosses& losses, double rate);
  void require_room_for(const TrainState& state) const;
  void stop_if_asked();
  int64_t steps_per_epoch() const;
  int64_t total_steps() const;
  int64_t steps_of(double share) const;

  Experiment& experiment_;
  TrainingOptions options_;
  Compute compute_;
  const RunDir* run_;
  Progress& progress_;
  const std::atomic<bool>& stop_;
  std::optional<ShardedParameters> sharded_;  ///< with shard "full" of several processes
  Optimizer optimizer_;
  WeightAverage average_;  ///< empty without ema_decay
  TrainState state_;
  std::optional<MetricsLog> log_;
  std::optional<io::EventFile> events_;
  Metrics best_val_;
  std::optional<DataParallel> parallel_;
  bool group_stops_ = false;  ///< some process of the group was asked to
};

}  // namespace arzoo::runtime
