#include "graph/event_stream.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/seeded_random.h"

namespace arzoo::graph {
namespace {

/// FNV-1a: the same on every machine.
uint64_t hash_of(std::string_view text) {
  uint64_t hash = 14695981039346656037ULL;
  for (const unsigned char byte : text) hash = (hash ^ byte) * 1099511628211ULL;
  return splitmix64(hash);
}

at::Tensor long_tensor(const std::vector<uint32_t>& numbers) {
  auto tensor = at::empty({static_cast<int64_t>(numbers.size())}, at::kLong);
  std::copy(numbers.begin(), numbers.end(), tensor.data_ptr<int64_t>());
  return tensor;
}

}  // namespace

EventSplit EventSplit::of(int64_t events, const DataOptions& options) {
  const auto part = [&](double share) {
    return static_cast<int64_t>(std::llround(share * static_cast<double>(events)));
  };
  const int64_t test = events - part(options.test_part), validation = test - part(options.validation_part);
  return {{0, validation}, {validation, test}, {test, events}};
}

at::Tensor node_features(const NodeNames& nodes, const std::string& kind, int64_t width) {
  auto features = at::zeros({nodes.size(), width}, at::kFloat);
  if (kind == "none") return features;
  constexpr std::size_t kMostParts = 32;
  auto* row = features.data_ptr<float>();
  for (int64_t node = 0; node < nodes.size(); ++node, row += width) {
    const auto name = nodes.name(node);
    std::size_t end = 0;
    for (std::size_t part = 0; part < kMostParts && end < name.size(); ++part) {
      const auto slash = name.find('/', end);
      end = slash == std::string_view::npos || part + 1 == kMostParts ? name.size() : slash + 1;
      const auto hash = hash_of(name.substr(0, end));
      row[(hash >> 1) % static_cast<uint64_t>(width)] += hash % 2 == 0 ? 1.0F : -1.0F;
    }
    double square = 0.0;
    for (int64_t i = 0; i < width; ++i) square += static_cast<double>(row[i]) * row[i];
    if (square == 0.0) continue;
    for (int64_t i = 0; i < width; ++i) row[i] /= static_cast<float>(std::sqrt(square));
  }
  return features;
}

EventStream::EventStream(EventTable table)
    : table_(std::move(table)),
      source_(long_tensor(table_.source)),
      target_(long_tensor(table_.target)),
      time_(at::tensor(table_.time, at::kDouble)) {
  if (!table_.feature_names.empty())
    features_ = at::tensor(table_.features, at::kFloat)
                    .view({size(), static_cast<int64_t>(table_.feature_names.size())});
  std::vector<bool> met(static_cast<std::size_t>(nodes()));
  for (int64_t event = 0; event < size(); ++event) {
    const auto node = target(event);
    if (met[static_cast<std::size_t>(node)]) continue;
    met[static_cast<std::size_t>(node)] = true;
    first_targets_.push_back(node);
    first_events_.push_back(event);
  }
  begins_.assign(static_cast<std::size_t>(nodes()) + 1, 0);
  for (const auto node : table_.source) ++begins_[node + 1];
  std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
  auto next = begins_;
  by_source_.resize(table_.source.size());
  for (std::size_t event = 0; event < table_.source.size(); ++event)
    by_source_[next[table_.source[event]]++] = static_cast<uint32_t>(event);
}

EventWindow EventStream::window(int64_t end, int64_t length) const {
  const int64_t first = std::max<int64_t>(0, end - length), count = end - first;
  return {source_.narrow(0, first, count), target_.narrow(0, first, count), time_.narrow(0, first, count),
          features_.defined() ? features_.narrow(0, first, count) : at::Tensor()};
}

int64_t EventStream::known_targets(int64_t end) const {
  return std::lower_bound(first_events_.begin(), first_events_.end(), end) - first_events_.begin();
}

int64_t EventStream::random_target(int64_t end, int64_t truth, uint64_t random) const {
  const auto count = static_cast<uint64_t>(known_targets(end));
  const auto chosen = known_target(static_cast<int64_t>(random % count));
  return chosen != truth ? chosen : known_target(static_cast<int64_t>((random + 1) % count));
}

std::optional<int64_t> EventStream::earlier_target(const EventRange& range, int64_t source,
                                                   uint64_t random) const {
  const auto begin = by_source_.begin() + begins_[static_cast<std::size_t>(source)],
             end = by_source_.begin() + begins_[static_cast<std::size_t>(source) + 1];
  const auto now = std::lower_bound(begin, end, static_cast<uint32_t>(range.first));
  const auto later = std::lower_bound(now, end, static_cast<uint32_t>(range.last));
  if (now == begin) return std::nullopt;
  constexpr int kTries = 8;
  for (int i = 0; i < kTries; ++i) {
    random = splitmix64(random);
    const auto met = target(begin[static_cast<std::ptrdiff_t>(random % static_cast<uint64_t>(now - begin))]);
    if (std::none_of(now, later, [&](uint32_t event) { return target(event) == met; })) return met;
  }
  return std::nullopt;
}

}  // namespace arzoo::graph
