#include "language/attention_growth.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/chart.h"
#include "core/markdown_table.h"
#include "kernels/attention.h"
#include "nn/combiner_attention.h"
#include "runtime/metrics_json.h"

namespace arzoo::language {
namespace {

/// Tokens of a row or segment: the power of two nearest to the root.
int64_t segment_of(int64_t tokens) {
  return int64_t{1} << std::lround(std::log2(static_cast<double>(tokens)) / 2.0);
}

/// One layer's attention of this kind over heads of random numbers.
void attend(const std::string& kind, const nn::QkvHeads& heads) {
  if (kind == "dense") {
    kernels::attention(heads.q, heads.k, heads.v, {.causal = true});
    return;
  }
  const int64_t tokens = heads.q.size(2);
  const nn::CombinerPattern pattern{
      .kind = nn::combiner_kind(kind), .segment = segment_of(tokens), .levels = nn::combiner_levels(tokens)};
  // A model makes the keys of a row's summaries by two linear maps, which grow like any other with the
  // tokens.
  const auto keys = [](const at::Tensor& attended, const at::Tensor&) { return attended; };
  const auto unread = heads.q.new_zeros({heads.q.size(0), tokens, 1});
  nn::combiner_attention(heads, unread, pattern, keys);
}

double seconds_of(const std::string& kind, const nn::QkvHeads& heads) {
  const auto begun = std::chrono::steady_clock::now();
  attend(kind, heads);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// The slope of log y over log x, over the longer half of the points.
double exponent(const std::vector<double>& x, const std::vector<double>& y) {
  const std::size_t first = x.size() / 2 > 0 ? x.size() / 2 - (x.size() > 2 ? 1 : 0) : 0;
  double count = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (std::size_t i = first; i < x.size(); ++i) {
    const double a = std::log(x[i]), b = std::log(y[i]);
    ++count, sx += a, sy += b, sxx += a * a, sxy += a * b;
  }
  return (count * sxy - sx * sy) / (count * sxx - sx * sx);
}

class AttentionGrowth final : public runtime::CellOf<AttentionGrowthOptions> {
 public:
  explicit AttentionGrowth(AttentionGrowthOptions options) : CellOf(std::move(options)) {}

  std::vector<std::filesystem::path> inputs() const override { return {}; }

  Json run(const runtime::Compute& compute, Progress& progress, Stop stop) const override {
    const c10::InferenceMode inference;
    std::vector<std::vector<double>> seconds(options_.kinds.size());  // by kind and length
    progress.begin("lengths", static_cast<int64_t>(options_.lengths.size()));
    for (const auto tokens : options_.lengths) {
      measure(tokens, compute, seconds);
      progress.step();
      stop_if_asked(stop, "measuring attention");
    }
    progress.end();
    return result_of(seconds);
  }

 private:
  void measure(int64_t tokens, const runtime::Compute& compute,
               std::vector<std::vector<double>>& seconds) const {
    const auto random = [&] {
      return at::randn({1, options_.heads, tokens, options_.head_width}).to(compute.device);
    };
    const nn::QkvHeads heads{random(), random(), random()};
    std::vector<std::vector<double>> rounds(options_.kinds.size());
    for (int64_t round = 0; round <= options_.rounds; ++round) {
      for (std::size_t kind = 0; kind < options_.kinds.size(); ++kind) {
        const double time = seconds_of(options_.kinds[kind], heads);
        if (round > 0) rounds[kind].push_back(time);  // the first warms up
      }
    }
    for (std::size_t kind = 0; kind < rounds.size(); ++kind) seconds[kind].push_back(median(rounds[kind]));
  }

  Json result_of(const std::vector<std::vector<double>>& seconds) const {
    const std::vector<double> lengths(options_.lengths.begin(), options_.lengths.end());
    constexpr double kMilliseconds = 1e3;
    std::vector<Column> columns{"tokens"};
    LineChart chart{"Attention of one layer, forward", {"tokens", Scale::log}, {"ms", Scale::log}, {}};
    runtime::Metrics metrics;
    for (std::size_t kind = 0; kind < seconds.size(); ++kind) {
      const auto& name = options_.kinds[kind];
      columns.emplace_back(name + ", ms", 2);
      Series series{.name = name, .x = lengths, .y = {}, .markers = true};
      for (const double time : seconds[kind]) series.y.push_back(time * kMilliseconds);
      chart.series.push_back(std::move(series));
      if (lengths.size() > 1) metrics.emplace_back(name + ": exponent", exponent(lengths, seconds[kind]));
      metrics.emplace_back(fmt::format("{}: ms at {} tokens", name, options_.lengths.back()),
                           seconds[kind].back() * kMilliseconds);
    }
    Table table(columns);
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      std::vector<Cell> row{options_.lengths[i]};
      for (const auto& times : seconds) row.emplace_back(times[i] * kMilliseconds);
      table.add(std::move(row));
    }
    return {{"test", runtime::metrics_json(metrics)},
            {"markdown", to_markdown(table) + "\n"},
            {"tables", Json::array({{{"name", "growth"}, {"rows", to_json(table)}}})},
            {"files", {{"growth.svg", to_svg(chart)}}}};
  }
};

}  // namespace

void AttentionGrowthOptions::check() const {
  require(std::is_sorted(lengths.begin(), lengths.end()), "lengths must ascend");
  for (const auto tokens : lengths)
    require(tokens % segment_of(tokens) == 0,
            "lengths must be multiples of the power of two near their root, got {}", tokens);
}

std::shared_ptr<const runtime::Evaluation> read_attention_growth(const Config& cell,
                                                                 const runtime::CellContext&) {
  return std::make_shared<AttentionGrowth>(cell.as<AttentionGrowthOptions>());
}

}  // namespace arzoo::language
