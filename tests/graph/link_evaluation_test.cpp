#include "graph/link_evaluation.h"

#include <set>

#include "graph/edge_bank.h"
#include "graph/link_metrics.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::graph;

namespace {

/// a meets b, c, d in turn, e meets them too, and new nodes come up.
EventStream stream_of(int64_t events) {
  std::string text = "src,dst,time\n";
  for (int64_t i = 0; i < events; ++i)
    text += fmt::format(
        "{},{},{}\n", i % 2 == 0 ? "a" : "e",
        i % 10 == 9 ? fmt::format("new{}", i) : std::string(1, static_cast<char>('b' + i % 3)), i * 10);
  return EventStream(EventTable::parse(text, "events.csv"));
}

double metric(const runtime::Metrics& metrics, const std::string& name) {
  for (const auto& [key, value] : metrics)
    if (key == name) return value;
  FAIL("no metric " << name);
  return 0.0;
}

/// Knows everything, and asks whether it may.
class Oracle final : public LinkScorer {
 public:
  explicit Oracle(const EventStream& stream) : stream_(stream) {}
  void advance(int64_t end) override {
    CHECK(end > end_);
    end_ = end;
  }
  at::Tensor score(const at::Tensor& source, const at::Tensor& target, const at::Tensor& time) override {
    auto scores = at::zeros({source.size(0)});
    for (int64_t i = 0; i < source.size(0); ++i) {
      CHECK(time[i].item<double>() >= stream_.time(end_));
      for (int64_t event = end_; event < stream_.size(); ++event) {
        if (stream_.time(event) == time[i].item<double>() &&
            stream_.source(event) == source[i].item<int64_t>() &&
            stream_.target(event) == target[i].item<int64_t>())
          scores[i] = 1.0;
      }
    }
    return scores;
  }

 private:
  const EventStream& stream_;
  int64_t end_ = 0;
};

}  // namespace

TEST_CASE("AP, AUC and ranks count ties half") {
  const auto positive = at::tensor({0.9, 0.5}), negative = at::tensor({0.5, 0.1});
  CHECK(average_precision(positive, negative) == Approx(0.5 * 1.0 + 0.5 * 2.0 / 3.0));
  CHECK(area_under_roc(positive, negative) == Approx((1.0 + 1.0 + 0.5 + 1.0) / 4.0));
  const auto ranks =
      link_ranks(at::tensor({0.5, 0.5, 0.5}), at::tensor({0.5, 0.5, 0.9, 0.1, 0.1, 0.2}).view({3, 2}));
  CHECK(at::equal(ranks, at::tensor({2.0, 2.0, 1.0}, at::kDouble)));
  CHECK(area_under_roc(at::ones({4}), at::ones({4})) == Approx(0.5));
}

TEST_CASE("EdgeBank remembers pairs in their direction, for ever or for a while") {
  EdgeBank ever, recent(10.0);
  for (auto* bank : {&ever, &recent}) bank->add(3, 4, 100.0);
  CHECK(ever.score(3, 4, 1e9) == 1.0);
  CHECK(ever.score(4, 3, 101.0) == 0.0);
  CHECK(recent.score(3, 4, 110.0) == 1.0);
  CHECK(recent.score(3, 4, 110.5) == 0.0);
}

TEST_CASE("what knows the future scores 1, and is never shown it") {
  const auto stream = stream_of(60);
  Oracle oracle(stream);
  const auto scored =
      score_links(stream, {.range = {20, 60}, .seen = 20, .batch_size = 7, .negatives = 3}, oracle);
  const auto metrics = scored.metrics();
  CHECK(metric(metrics, "ap") == 1.0);
  CHECK(metric(metrics, "auc") == 1.0);
  CHECK(metric(metrics, "mrr") == 1.0);
  CHECK(metric(metrics, "hard auc") == 1.0);
  // New nodes come up at 29, 39, 49 and 59.
  CHECK(scored.inductive.sum().item<int64_t>() == 4);
}

TEST_CASE("random targets are earlier ones, hard ones met the source before and do not meet it now") {
  const auto stream = stream_of(60);
  for (uint64_t random = 0; random < 200; ++random) {
    const auto other = stream.random_target(12, stream.target(11), random);
    CHECK(other != stream.target(11));
    bool seen = false;
    for (int64_t event = 0; event < 12; ++event) seen = seen || stream.target(event) == other;
    CHECK(seen);
    const EventRange range{30, 32};
    const auto met = stream.earlier_target(range, stream.source(30), random);
    if (!met) continue;
    CHECK(*met != stream.target(30));
    bool before = false;
    for (int64_t event = 0; event < 30; ++event)
      before = before || (stream.source(event) == stream.source(30) && stream.target(event) == *met);
    CHECK(before);
  }
}

TEST_CASE("EdgeBank cannot tell hard negatives from links that recur") {
  const auto stream = stream_of(200);
  const auto bank = edge_bank_scorer(stream, 0.0);
  const auto scored =
      score_links(stream, {.range = {100, 200}, .seen = 100, .batch_size = 2, .negatives = 5}, *bank);
  CHECK(metric(scored.metrics(), "hard auc") <= 0.5);
  CHECK(metric(scored.metrics(), "auc") > 0.5);
}

TEST_CASE("features of a node are those of its name alone, and share what its folder gives") {
  const auto names = [](const std::string& text) {
    return EventTable::parse("src,dst,time\n" + text, "x").nodes;
  };
  const auto one = node_features(names("lib/a.c,lib/b.c,1\n"), "names", 16),
             other = node_features(names("x,y,1\nlib/b.c,z,2\n"), "names", 16);
  CHECK(at::equal(one[1], other[2]));
  CHECK(at::allclose(one.square().sum(1), at::ones({2}), 1e-6, 1e-6));
  CHECK(node_features(names("a,b,1\n"), "none", 4).abs().max().item<double>() == 0.0);
}

TEST_CASE("the last events test, those before them validate") {
  const auto split = EventSplit::of(1000, DataOptions{});
  CHECK(split.train.last == 700);
  CHECK(split.validation.last == 850);
  CHECK(split.test.last == 1000);
}
