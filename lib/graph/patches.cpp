#include "graph/patches.h"

#include <torch/torch.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace arzoo::graph {
namespace {

at::Tensor tensor_of(const std::vector<int64_t>& numbers) { return at::tensor(numbers, at::kLong); }

int64_t index_of(const std::vector<int64_t>& ascending, int64_t value) {
  return std::lower_bound(ascending.begin(), ascending.end(), value) - ascending.begin();
}

}  // namespace

Patches patchify(const EventWindow& window, int64_t count) {
  const int64_t events = window.source.size(0);
  if (events < count) throw std::logic_error("a window has fewer events than patches");
  const auto source = window.source.contiguous(), target = window.target.contiguous(),
             time = window.time.to(at::kDouble).contiguous();
  const auto *u = source.const_data_ptr<int64_t>(), *v = target.const_data_ptr<int64_t>();
  Patches patches{.count = count};
  std::vector<int64_t> patch(static_cast<std::size_t>(events)), keys;
  std::vector<double> newest_time(static_cast<std::size_t>(count));
  keys.reserve(patch.size() * 2);
  for (int64_t i = 0; i < events; ++i) {
    const int64_t own = patch[static_cast<std::size_t>(i)] = i * count / events;
    newest_time[static_cast<std::size_t>(own)] = time.const_data_ptr<double>()[i];
    keys.push_back(u[i] * count + own);
    keys.push_back(v[i] * count + own);
  }
  const auto both = keys;
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  std::vector<int64_t> rows, nodes, place, newest;
  for (const auto key : keys) {
    const int64_t node = key / count;
    rows.insert(rows.end(), {node, key % count});
    if (nodes.empty() || nodes.back() != node) {
      nodes.push_back(node);
      newest.push_back(0);
    }
    newest.back() = static_cast<int64_t>(place.size());
    place.push_back((static_cast<int64_t>(nodes.size()) - 1) * count + key % count);
  }
  std::vector<int64_t> of_source, of_target;
  for (std::size_t i = 0; i < both.size(); i += 2) {
    of_source.push_back(index_of(keys, both[i]));
    of_target.push_back(index_of(keys, both[i + 1]));
  }
  patches.patch_of_event = tensor_of(patch);
  patches.rows = tensor_of(rows).view({-1, 2});
  patches.nodes = tensor_of(nodes);
  patches.place = tensor_of(place);
  patches.newest = tensor_of(newest);
  patches.from = at::cat({tensor_of(of_source), tensor_of(of_target)});
  patches.to = at::cat({tensor_of(of_target), tensor_of(of_source)});
  patches.newest_time = at::tensor(newest_time, at::kDouble);
  patches.end = time.const_data_ptr<double>()[events - 1];
  return patches;
}

Patches Patches::on(at::Device device) const {
  auto there = *this;
  for (auto* tensor : {&there.patch_of_event, &there.rows, &there.nodes, &there.place, &there.newest,
                       &there.from, &there.to, &there.newest_time})
    *tensor = tensor->to(device);
  return there;
}

}  // namespace arzoo::graph
