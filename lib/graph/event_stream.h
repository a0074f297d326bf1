#pragma once

#include "graph/data_options.h"
#include "graph/event_table.h"
#include "graph/patches.h"

namespace arzoo::graph {

/// Events [first, last).
struct EventRange {
  int64_t first = 0, last = 0;
  int64_t size() const { return last - first; }
};

/// How the options divide a file of so many events: training, validation and test, one behind the other.
struct EventSplit {
  EventRange train, validation, test;
  static EventSplit of(int64_t events, const DataOptions& options);
};

/// What is known of nodes besides their events, [V, width]: signs in buckets that the hashes of a name's
/// parts choose, "a/", "a/b/" and "a/b/c" of "a/b/c", scaled to length 1; zeros for "none". A node that a
/// model has never met has features as well.
at::Tensor node_features(const NodeNames& nodes, const std::string& kind, int64_t width);

/// Events as tensors, and other targets that a true one is compared with. All choices are functions of
/// `random`, so that they do not depend on what was chosen before.
class EventStream {
 public:
  explicit EventStream(EventTable table);

  const EventTable& table() const { return table_; }
  int64_t size() const { return table_.size(); }
  int64_t nodes() const { return table_.nodes.size(); }

  /// The `length` events before event `end`, or all of them.
  EventWindow window(int64_t end, int64_t length) const;
  /// Sources and targets of a range, [K] long.
  at::Tensor sources(const EventRange& range) const { return source_.narrow(0, range.first, range.size()); }
  at::Tensor targets(const EventRange& range) const { return target_.narrow(0, range.first, range.size()); }
  int64_t source(int64_t event) const { return table_.source[static_cast<std::size_t>(event)]; }
  int64_t target(int64_t event) const { return table_.target[static_cast<std::size_t>(event)]; }
  double time(int64_t event) const { return table_.time[static_cast<std::size_t>(event)]; }

  /// Nodes that were a target of an event before `end`, in the order of their first time.
  int64_t known_targets(int64_t end) const;
  int64_t known_target(int64_t i) const { return first_targets_[static_cast<std::size_t>(i)]; }
  /// One of them, another than `truth` where there is one.
  int64_t random_target(int64_t end, int64_t truth, uint64_t random) const;
  /// A target that `source` met before event `range.first` and does not meet within the range; nothing where
  /// there is none, or none is found in a few tries.
  std::optional<int64_t> earlier_target(const EventRange& range, int64_t source, uint64_t random) const;

 private:
  EventTable table_;
  at::Tensor source_, target_, time_, features_;
  std::vector<int64_t> first_targets_, first_events_;  ///< targets by first event, and that event
  /// Events of each source, in order: those of source u are by_source_[begins_[u]] … begins_[u + 1].
  std::vector<uint32_t> by_source_, begins_;
};

}  // namespace arzoo::graph
