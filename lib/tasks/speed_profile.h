#pragma once

#include "core/markdown_table.h"
#include "runtime/speed_work.h"

namespace arzoo::tasks {

/// What the machine can do at most, for the share of it that a kind of operation reaches.
struct SpeedLimits {
  double flops_per_second = 0.0;  ///< of matrix products in the work's type
  double bytes_per_second = 0.0;  ///< of the memory
};

/// The memory's rate in bytes a second: a copy of 64 MiB, read and written; the best of several.
double memory_rate();

/// Where the time of one repetition goes, by kind of operation: [{"kind", "seconds", "share", "calls",
/// "gflop", "bytes", "limit": "products" | "memory", "limit_share"}], the longest first. limit_share: the
/// time that the limit asks for beside the time taken; null of kinds without FLOPs or bytes.
Json profile_of(runtime::SpeedWork& work, const SpeedLimits& limits);

/// A line for each cell and kind; empty where no row has a "profile".
Table profile_table(const std::vector<Json>& rows);

}  // namespace arzoo::tasks
