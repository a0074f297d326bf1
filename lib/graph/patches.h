#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::graph {

/// The events that a prediction is made of, in the order of time. N events, F features.
struct EventWindow {
  at::Tensor source, target;  ///< [N] long, numbers of nodes
  at::Tensor time;            ///< [N] double, seconds, not falling
  at::Tensor features;        ///< [N, F], undefined without features
};

/// A window in M patches (Todyformer, "patchifying"): event i lies in patch floor(i M / N). A row is a node
/// in a patch that has an event of it. R rows, U nodes of the window.
struct Patches {
  int64_t count = 1;               ///< M
  at::Tensor patch_of_event = {};  ///< [N] long
  at::Tensor rows = {};            ///< [R, 2] long, node and patch, ascending
  at::Tensor nodes = {};           ///< [U] long, ascending
  at::Tensor place = {};   ///< [R] long, of a row among all U * M: number of the node in `nodes` * M + patch
  at::Tensor newest = {};  ///< [U] long, the row of each node's newest patch
  at::Tensor from = {},
             to = {};           ///< [2 N] long, rows: each event is a message from source to target and back
  at::Tensor newest_time = {};  ///< [M] double, of a patch's newest event
  double end = 0.0;             ///< time of the window's newest event

  Patches on(at::Device device) const;
};

/// window: on the CPU, N >= count.
Patches patchify(const EventWindow& window, int64_t count);

}  // namespace arzoo::graph
