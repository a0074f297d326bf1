#include "graph/link_evaluation.h"

#include <torch/torch.h>

#include <limits>

#include "core/seeded_random.h"
#include "graph/edge_bank.h"
#include "graph/link_metrics.h"

namespace arzoo::graph {
namespace {

constexpr uint64_t kRandomStream = 0x6c696e6b, kHardStream = 0x68617264;

class EdgeBankScorer final : public LinkScorer {
 public:
  EdgeBankScorer(const EventStream& stream, double window) : stream_(stream), bank_(window) {}

  void advance(int64_t end) override {
    for (; known_ < end; ++known_)
      bank_.add(stream_.source(known_), stream_.target(known_), stream_.time(known_));
  }
  at::Tensor score(const at::Tensor& source, const at::Tensor& target, const at::Tensor& time) override {
    auto scores = at::empty({source.size(0)}, at::kFloat);
    const auto u = source.contiguous(), v = target.contiguous(), t = time.contiguous();
    for (int64_t i = 0; i < source.size(0); ++i) {
      scores.data_ptr<float>()[i] = static_cast<float>(bank_.score(
          u.const_data_ptr<int64_t>()[i], v.const_data_ptr<int64_t>()[i], t.const_data_ptr<double>()[i]));
    }
    return scores;
  }

 private:
  const EventStream& stream_;
  EdgeBank bank_;
  int64_t known_ = 0;
};

/// The targets that a batch's sources are asked with, [K, 1 + negatives + 1]: the true one, random ones, and
/// the hard one, -1 where there is none.
at::Tensor asked_targets(const EventStream& stream, const EventRange& batch, int64_t negatives) {
  auto asked = at::empty({batch.size(), negatives + 2}, at::kLong);
  auto* next = asked.data_ptr<int64_t>();
  for (int64_t event = batch.first; event < batch.last; ++event) {
    const auto number = static_cast<uint64_t>(event), truth = static_cast<uint64_t>(stream.target(event));
    *next++ = static_cast<int64_t>(truth);
    for (int64_t i = 0; i < negatives; ++i)
      *next++ = stream.random_target(batch.last, stream.target(event),
                                     stream_seed(kRandomStream, number, static_cast<uint64_t>(i)));
    *next++ = stream.earlier_target(batch, stream.source(event), item_seed(kHardStream, number)).value_or(-1);
  }
  return asked;
}

/// The nodes of the first `seen` events.
at::Tensor seen_nodes(const EventStream& stream, int64_t seen) {
  auto known = at::zeros({stream.nodes()}, at::kBool);
  if (seen > 0) {
    known.index_fill_(0, stream.sources({0, seen}), true);
    known.index_fill_(0, stream.targets({0, seen}), true);
  }
  return known;
}

void add_metrics(const std::string& prefix, const at::Tensor& positive, const at::Tensor& negative,
                 runtime::Metrics& metrics) {
  if (positive.size(0) == 0) return;
  const auto first = negative.select(1, 0);
  metrics.emplace_back(prefix + "ap", average_precision(positive, first));
  metrics.emplace_back(prefix + "auc", area_under_roc(positive, first));
  metrics.emplace_back(prefix + "mrr", link_ranks(positive, negative).reciprocal().mean().item<double>());
}

}  // namespace

std::unique_ptr<LinkScorer> edge_bank_scorer(const EventStream& stream, double window) {
  return std::make_unique<EdgeBankScorer>(stream, window);
}

runtime::Metrics ScoredLinks::metrics() const {
  runtime::Metrics metrics;
  add_metrics("", positive, negative, metrics);
  for (const bool unseen : {false, true}) {
    const auto chosen = inductive.eq(unseen).nonzero().squeeze(1);
    add_metrics(unseen ? "inductive " : "transductive ", positive.index_select(0, chosen),
                negative.index_select(0, chosen), metrics);
  }
  const auto paired = hard.isfinite().nonzero().squeeze(1);
  if (paired.size(0) > 0) {
    const auto own = positive.index_select(0, paired), other = hard.index_select(0, paired);
    metrics.emplace_back("hard ap", average_precision(own, other));
    metrics.emplace_back("hard auc", area_under_roc(own, other));
  }
  return metrics;
}

ScoredLinks score_links(const EventStream& stream, const LinkProtocol& protocol, LinkScorer& scorer,
                        const std::function<void()>& on_batch) {
  const auto known = seen_nodes(stream, protocol.seen);
  std::vector<at::Tensor> scores, inductive;
  for (int64_t first = protocol.range.first; first < protocol.range.last; first += protocol.batch_size) {
    const EventRange batch{first, std::min(first + protocol.batch_size, protocol.range.last)};
    const auto asked = asked_targets(stream, batch, protocol.negatives);
    const auto source = stream.sources(batch);
    std::vector<double> moments;
    for (int64_t event = batch.first; event < batch.last; ++event) moments.push_back(stream.time(event));
    const auto repeated = [&](const at::Tensor& x) {
      return x.unsqueeze(1).expand(asked.sizes()).reshape({-1});
    };
    scorer.advance(batch.first);
    auto found = scorer
                     .score(repeated(source), asked.clamp_min(0).view({-1}),
                            repeated(at::tensor(moments, at::kDouble)))
                     .view(asked.sizes())
                     .to(at::kFloat);
    scores.push_back(found.masked_fill(asked.lt(0), std::numeric_limits<float>::quiet_NaN()));
    inductive.push_back(known.index_select(0, source)
                            .logical_and(known.index_select(0, stream.targets(batch)))
                            .logical_not());
    if (on_batch) on_batch();
  }
  const auto all = at::cat(scores);
  return {all.select(1, 0), all.narrow(1, 1, protocol.negatives), at::cat(inductive),
          all.select(1, protocol.negatives + 1)};
}

}  // namespace arzoo::graph
