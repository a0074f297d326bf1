#pragma once

#include <memory>
#include <string>

#include "core/config.h"
#include "runtime/device.h"

namespace arzoo::runtime {

/// Something that `bench speed` times, ready to be repeated. Weights are random, from the config's seed.
class SpeedWork {
 public:
  virtual ~SpeedWork() = default;

  /// One repetition, with all results on the host or the device done with its work.
  virtual void run() = 0;
  /// What the reference program needs to do the same: {"model", "shape"}; null where there is no such
  /// program.
  virtual Json reference_request() const { return nullptr; }
  /// Seconds that run() has waited for data so far.
  virtual double loader_seconds() const { return 0.0; }
};

/// What a cell of `bench speed` asks of a model.
struct SpeedRequest {
  Config run;              ///< resolved training config
  std::string work;        ///< "inference", "generate", …
  int64_t batch_size = 1;  ///< samples of one repetition
};

/// Builds the work, or returns null where the model has none of that name. Throws DataError, ConfigError.
using SpeedWorkMaker = std::unique_ptr<SpeedWork> (*)(const SpeedRequest& request, const Compute& compute);

}  // namespace arzoo::runtime
