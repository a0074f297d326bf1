#pragma once

#include <functional>

#include "core/stop.h"
#include "graph/event_stream.h"
#include "runtime/losses.h"

namespace arzoo::graph {

/// What predicts the events of a stream: a model, or EdgeBank.
class LinkScorer {
 public:
  virtual ~LinkScorer() = default;
  /// From here on, of what is scored, all events before `end` are known, and no others. Called with rising
  /// ends.
  virtual void advance(int64_t end) = 0;
  /// source, target: [Q] long, CPU; time: of the event that is asked for, [Q] double; returns [Q], CPU.
  virtual at::Tensor score(const at::Tensor& source, const at::Tensor& target, const at::Tensor& time) = 0;
};

/// EdgeBank over the stream; window: seconds, 0 for ever.
std::unique_ptr<LinkScorer> edge_bank_scorer(const EventStream& stream, double window);

/// Which events are scored, and what with. batch_size events are asked for together, when the events before
/// the first of them are known. Negatives are functions of the event alone: all scorers get the same.
struct LinkProtocol {
  EventRange range;
  int64_t seen = 0;  ///< events whose nodes count as known from training
  int64_t batch_size = 100, negatives = 20;
};

/// Scores of the true events and of others, which make the metrics.
struct ScoredLinks {
  at::Tensor positive, negative;  ///< [Q], [Q, K]
  at::Tensor inductive;           ///< [Q] bool: a node of the event was in none of the events that are seen
  at::Tensor hard;                ///< [Q], NaN where there is no such negative

  /// {"ap", "auc", "mrr", and the same of events between known nodes ("transductive …") and of others
  /// ("inductive …"), "hard ap", "hard auc": against pairs that met before and do not meet now}; what no
  /// event tells of is left out.
  runtime::Metrics metrics() const;
};
ScoredLinks score_links(const EventStream& stream, const LinkProtocol& protocol, LinkScorer& scorer,
                        const std::function<void()>& on_batch = {});

}  // namespace arzoo::graph
