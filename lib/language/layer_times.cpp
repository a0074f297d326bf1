#include "language/layer_times.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <functional>

#include "language/packed_encoder.h"
#include "nn/structured_linear.h"
#include "runtime/metrics_json.h"

namespace arzoo::language {
namespace {

constexpr double kMilliseconds = 1e3;
constexpr double kDeviation = 0.02;  // of random weights

double seconds_of(const std::function<void()>& work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Seconds of each work in each round, all of them in turn. A round before the first warms up.
std::vector<std::vector<double>> in_turns(const std::vector<std::function<void()>>& works, int64_t rounds,
                                          Progress& progress, Stop stop) {
  std::vector<std::vector<double>> seconds(works.size());
  progress.begin("rounds", rounds + 1);
  for (int64_t round = 0; round <= rounds; ++round) {
    for (std::size_t i = 0; i < works.size(); ++i) {
      const double time = seconds_of(works[i]);
      if (round > 0) seconds[i].push_back(time);
    }
    progress.step();
    stop_if_asked(stop, "timing layers");
  }
  progress.end();
  return seconds;
}

/// How many times longer the first work took than another: the median over the rounds.
double gain(const std::vector<double>& first, const std::vector<double>& other) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < first.size(); ++i) ratios.push_back(first[i] / other[i]);
  return median(std::move(ratios));
}

Json result_of(const runtime::Metrics& metrics) {
  return {{"test", runtime::metrics_json(metrics)},
          {"markdown", ""},
          {"tables", Json::array()},
          {"files", Json::object()}};
}

at::Tensor random_weight(int64_t out, int64_t in, const runtime::Compute& compute) {
  return (at::randn({out, in}) * kDeviation).to(compute.device);
}

class FeedForwardTimes final : public runtime::CellOf<FeedForwardTimesOptions> {
 public:
  explicit FeedForwardTimes(FeedForwardTimesOptions options) : CellOf(std::move(options)) {}

  std::vector<std::filesystem::path> inputs() const override { return {}; }

  Json run(const runtime::Compute& compute, Progress& progress, Stop stop) const override {
    const torch::NoGradGuard no_grad;
    const auto x = at::randn({options_.tokens, options_.feed_forward}).to(compute.device);
    const std::array<const char*, 4> names{"dense", "lowrank", "blockdense", "blockshuffle"};
    std::vector<std::function<void()>> works;
    for (const auto* name : names) {
      const auto up = map(name, options_.feed_forward, hidden(), compute),
                 down = map(name, hidden(), options_.feed_forward, compute);
      works.emplace_back([=] { nn::linear(nn::linear(x, up, kernels::Activation::gelu_tanh), down); });
    }
    const c10::InferenceMode inference;
    const auto seconds = in_turns(works, options_.rounds, progress, stop);
    runtime::Metrics metrics;
    for (std::size_t i = 0; i < names.size(); ++i) {
      metrics.emplace_back(fmt::format("{}: ms", names[i]), median(seconds[i]) * kMilliseconds);
      if (i > 0)
        metrics.emplace_back(fmt::format("{}: times as fast", names[i]), gain(seconds[0], seconds[i]));
    }
    return result_of(metrics);
  }

 private:
  int64_t hidden() const { return 4 * options_.feed_forward; }

  nn::Affine map(const std::string& method, int64_t in, int64_t out, const runtime::Compute& compute) const {
    nn::Affine affine;
    if (method == "dense") {
      affine.weight = random_weight(out, in, compute);
      affine.bias = at::zeros({out}).to(compute.device);
      return affine;
    }
    // The official sizes at 32 %: rank D / 4, rank D / 3 in 2 blocks, 4 blocks.
    const nn::StructureOptions structure{.method = method,
                                         .rank = options_.feed_forward / (method == "lowrank" ? 4 : 3),
                                         .blocks = method == "blockdense" ? 2 : 4};
    const auto layer = std::make_shared<nn::StructuredLinear>(structure, in, out, /*with_bias=*/true);
    for (auto& parameter : layer->parameters()) parameter.normal_(0.0, kDeviation);
    layer->to(compute.device);
    layer->eval();
    affine.structure = layer;
    return affine;
  }
};

class PackedTimes final : public runtime::CellOf<PackedTimesOptions> {
 public:
  explicit PackedTimes(PackedTimesOptions options) : CellOf(std::move(options)) {}

  std::vector<std::filesystem::path> inputs() const override { return {}; }

  Json run(const runtime::Compute& compute, Progress& progress, Stop stop) const override {
    const c10::InferenceMode inference;
    const PackedEncoder encoder({.heads = options_.heads});
    const int64_t width = options_.width;
    const auto map = [&](int64_t out, int64_t in) {
      return nn::Affine{random_weight(out, in, compute), at::zeros({out}).to(compute.device)};
    };
    const auto norm = [&] {
      return nn::Affine{at::ones({width}).to(compute.device), at::zeros({width}).to(compute.device)};
    };
    nn::BlockWeights weights;
    weights.qkv = map(3 * width, width);
    weights.projection = map(width, width);
    weights.up = map(4 * width, width);
    weights.down = map(width, 4 * width);
    weights.norm_1 = norm();
    weights.norm_2 = norm();
    const auto pass = [&](const std::vector<int64_t>& lengths) {
      const nn::PackedSequences sequences(lengths);
      const auto x = at::randn({sequences.tokens(), width}).to(compute.device);
      return [=, &encoder] { encoder.block(x, weights, sequences); };
    };
    const auto lengths = unequal_lengths();
    const std::vector<int64_t> full(lengths.size(), options_.longest);
    const auto seconds = in_turns({pass(full), pass(lengths)}, options_.rounds, progress, stop);
    double tokens = 0.0;
    for (const auto length : lengths) tokens += static_cast<double>(length);
    const double all = static_cast<double>(options_.longest * options_.texts);
    return result_of({{"padded: ms", median(seconds[0]) * kMilliseconds},
                      {"packed: ms", median(seconds[1]) * kMilliseconds},
                      {"times as fast", gain(seconds[0], seconds[1])},
                      {"1 / fill", all / tokens}});
  }

 private:
  /// From 2 * fill - 1 of the longest (at least one token) to the longest, or below where the mean is nearer
  /// to 0.
  std::vector<int64_t> unequal_lengths() const {
    const double reach = std::min(options_.fill, 1.0 - options_.fill);
    std::vector<int64_t> lengths;
    for (int64_t i = 0; i < options_.texts; ++i) {
      const double place = 2.0 * static_cast<double>(i) / static_cast<double>(options_.texts - 1) - 1.0;
      const double share = options_.fill + place * reach;
      lengths.push_back(std::max<int64_t>(1, std::llround(share * static_cast<double>(options_.longest))));
    }
    return lengths;
  }
};

}  // namespace

std::shared_ptr<const runtime::Evaluation> read_feed_forward_times(const Config& cell,
                                                                   const runtime::CellContext&) {
  return std::make_shared<FeedForwardTimes>(cell.as<FeedForwardTimesOptions>());
}

std::shared_ptr<const runtime::Evaluation> read_packed_times(const Config& cell,
                                                             const runtime::CellContext&) {
  return std::make_shared<PackedTimes>(cell.as<PackedTimesOptions>());
}

}  // namespace arzoo::language
