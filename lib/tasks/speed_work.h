#pragma once

#include <memory>

#include "core/config.h"
#include "runtime/device.h"
#include "tasks/speed_suite.h"

namespace arzoo::tasks {

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

/// Builds what the cell asks for. Throws DataError for data that does not fit, ConfigError when the family
/// has no such work.
std::unique_ptr<SpeedWork> make_speed_work(const ResolvedSpeedCell& cell, const runtime::Compute& compute);

}  // namespace arzoo::tasks
