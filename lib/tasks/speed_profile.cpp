#include "tasks/speed_profile.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "core/config.h"
#include "tasks/operator_profile.h"

namespace arzoo::tasks {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kRest = "own kernels and the rest";

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Json row_of(const std::string& kind, const OperatorCost& cost, double total, const SpeedLimits& limits) {
  const double by_products = cost.flops / limits.flops_per_second;
  const double by_memory = cost.bytes / limits.bytes_per_second;
  Json row{{"kind", kind},        {"seconds", cost.seconds},   {"share", cost.seconds / total},
           {"calls", cost.calls}, {"gflop", cost.flops / 1e9}, {"bytes", cost.bytes},
           {"limit", nullptr},    {"limit_share", nullptr}};
  if (cost.flops <= 0.0 && cost.bytes <= 0.0) return row;
  row["limit"] = by_products >= by_memory ? "products" : "memory";
  row["limit_share"] = std::max(by_products, by_memory) / cost.seconds;
  return row;
}

}  // namespace

double memory_rate() {
  constexpr int64_t kNumbers = int64_t{1} << 24;
  constexpr int kTries = 5;
  const auto from = at::ones({kNumbers}, at::kFloat);
  auto to = at::empty_like(from);
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kTries; ++i) {
    const auto start = Clock::now();
    to.copy_(from);
    best = std::min(best, seconds_since(start));
  }
  return 2.0 * static_cast<double>(from.nbytes()) / best;
}

Json profile_of(runtime::SpeedWork& work, const SpeedLimits& limits) {
  std::map<std::string, OperatorCost> kinds;
  OperatorCost rest;
  double total = 0.0;
  {
    const OperatorProfile profile;
    const auto start = Clock::now();
    work.run();
    total = rest.seconds = seconds_since(start);
    rest.flops = profile.flops();
    for (const auto& [name, cost] : profile.costs()) {
      auto& kind = kinds[operator_kind(name)];
      kind.calls += cost.calls;
      kind.seconds += cost.seconds;
      kind.flops += cost.flops;
      kind.bytes += cost.bytes;
      rest.seconds -= cost.seconds;
      rest.flops -= cost.flops;
    }
  }
  rest.seconds = std::max(rest.seconds, 0.0);
  rest.flops = std::max(rest.flops, 0.0);
  kinds[kRest] = rest;
  Json rows = Json::array();
  for (const auto& [kind, cost] : kinds) rows.push_back(row_of(kind, cost, total, limits));
  std::stable_sort(rows.begin(), rows.end(), [](const Json& a, const Json& b) {
    return a["seconds"].get<double>() > b["seconds"].get<double>();
  });
  return rows;
}

Table profile_table(const std::vector<Json>& rows) {
  Table table({"cell",
               "kind",
               {"ms", 3},
               {"% of time", 1},
               "calls",
               {"GFLOP", 2},
               {"MiB", 1},
               "limit",
               {"% of limit", 1}});
  for (const auto& row : rows) {
    if (!row.contains("profile")) continue;
    for (const auto& kind : row["profile"]) {
      const bool limited = kind["limit"].is_string();
      table.add({row["name"].get<std::string>(), kind["kind"].get<std::string>(),
                 kind["seconds"].get<double>() * 1e3, kind["share"].get<double>() * 100.0,
                 kind["calls"].get<int64_t>(), kind["gflop"].get<double>(),
                 kind["bytes"].get<double>() / (1 << 20),
                 limited ? Cell(kind["limit"].get<std::string>()) : Cell(),
                 limited ? Cell(kind["limit_share"].get<double>() * 100.0) : Cell()});
    }
  }
  return table;
}

}  // namespace arzoo::tasks
