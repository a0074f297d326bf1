#include "icl/universality.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/chart.h"
#include "core/markdown_table.h"
#include "icl/universal_layer.h"
#include "runtime/metrics_json.h"
#include "runtime/optimizer.h"

namespace arzoo::icl {
namespace {

constexpr int64_t kMostUnits = 2'000'000, kMostNumbers = 64'000'000;
constexpr double kBegin = 0.003, kEnd = 0.997;

CellGrid grid_of(const UniversalityOptions& options, int64_t cells) {
  return {.tokens = options.n,
          .coordinates = 1,
          .cells = cells,
          .beta = options.sharpness * static_cast<double>(cells * cells)};
}

/// A layer of the construction's sizes with random weights, trained. The feed-forward layer sees the token
/// itself, its place and all heads; or, without places, the heads alone, which all tokens share.
class TrainedLayer {
 public:
  TrainedLayer(const UniversalityOptions& options, const CellGrid& grid, bool places)
      : options_(options),
        map_(sequence_map(options.function)),
        generator_(at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(options.seed))) {
    const int64_t z = grid.token_width(), heads = grid.heads(), width = grid.width();
    const int64_t seen = places ? z + heads : heads;
    // Without places every token asks the same, as in the construction: else its query would tell its place.
    layer_.wq =
        places ? random({heads, z}, z) : at::one_hot(at::full({heads}, z - 2, at::kLong), z).to(at::kFloat);
    layer_.wk = random({heads, z}, z);
    layer_.wv = random({heads, z}, z);
    read_ = random({width, seen}, seen);
    layer_.b1 = random({width}, seen);
    layer_.w2 = random({1, width}, width);
    unseen_ = places ? at::Tensor() : at::zeros({width, z});
    parameters_ = {layer_.wk, layer_.wv, read_, layer_.b1, layer_.w2};
    if (places) parameters_.push_back(layer_.wq);
    for (auto& parameter : parameters_) parameter.requires_grad_(true);
  }

  void train(Stop stop) {
    runtime::TrainingOptions recipe;
    recipe.learning_rate = options_.learning_rate;
    runtime::Optimizer adam(parameters_, recipe);
    for (int64_t step = 0; step < options_.steps; ++step) {
      const auto x = at::rand({options_.batch_size, options_.n, 1}, generator_, at::kFloat);
      adam.zero_grad();
      at::mse_loss(forward(x), map_.apply(x)).backward();
      const double done = static_cast<double>(step) / static_cast<double>(options_.steps);
      adam.step(options_.learning_rate * 0.5 * (1.0 + std::cos(std::numbers::pi * done)));
      stop_if_asked(stop, "training a layer");
    }
  }

  /// x: [B, n, 1]; returns [B, n, 1].
  at::Tensor forward(const at::Tensor& x) const {
    auto layer = layer_;
    layer.w1 = unseen_.defined() ? at::cat({unseen_, read_}, 1) : read_;
    return layer.forward(x.to(at::kFloat)).y;
  }

 private:
  /// Uniform in +-1 / sqrt(inputs), as a linear map begins in PyTorch.
  at::Tensor random(at::IntArrayRef sizes, int64_t inputs) {
    return (at::rand(sizes, generator_, at::kFloat) * 2.0 - 1.0) / std::sqrt(static_cast<double>(inputs));
  }

  const UniversalityOptions& options_;
  SequenceMap map_;
  at::Generator generator_;
  SingleLayer layer_;
  at::Tensor read_, unseen_;
  std::vector<at::Tensor> parameters_;
};

/// The errors at one width.
struct WidthRow {
  CellGrid grid;
  double bound = 0.0;
  ApproximationError built = {}, trained = {}, placeless = {}, average = {};
};

/// The slope of log error over log width, by least squares.
double exponent(const std::vector<double>& x, const std::vector<double>& y) {
  double sx = 0, sy = 0, sxx = 0, sxy = 0;
  const auto count = static_cast<double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double a = std::log(x[i]), b = std::log(y[i]);
    sx += a, sy += b, sxx += a * a, sxy += a * b;
  }
  return (count * sxy - sx * sy) / (count * sxx - sx * sx);
}

class Universality final : public runtime::CellOf<UniversalityOptions> {
 public:
  explicit Universality(UniversalityOptions options) : CellOf(std::move(options)) {}

  std::vector<std::filesystem::path> inputs() const override { return {}; }

  Json run(const runtime::Compute&, Progress& progress, Stop stop) const override {
    std::vector<WidthRow> rows;
    progress.begin("widths", static_cast<int64_t>(options_.cells.size()));
    for (const auto cells : options_.cells) {
      rows.push_back(measure(cells, stop));
      progress.step();
      stop_if_asked(stop, "measuring layers");
    }
    progress.end();
    return result_of(rows);
  }

 private:
  WidthRow measure(int64_t cells, Stop stop) const {
    const auto map = sequence_map(options_.function);
    WidthRow row{.grid = grid_of(options_, cells)};
    row.bound = row.grid.bound(map.lipschitz);
    const auto points = grid_points(row.grid, options_.grid_points, kBegin, kEnd);
    const auto error_of = [&](const auto& approximate) {
      const torch::NoGradGuard no_grad;
      return approximation_error(approximate, map, row.grid, points);
    };
    const auto built = construct_layer(map, row.grid);
    row.built = error_of([&](const at::Tensor& x) { return built.forward(x).y; });
    // The best that a layer can do whose tokens all get the same.
    row.average = error_of([&](const at::Tensor& x) {
      const auto y = map.apply(x);
      return y.mean(1, /*keepdim=*/true).expand_as(y);
    });
    if (options_.steps == 0) return row;
    for (const bool places : {true, false}) {
      TrainedLayer layer(options_, row.grid, places);
      layer.train(stop);
      (places ? row.trained : row.placeless) =
          error_of([&](const at::Tensor& x) { return layer.forward(x).to(at::kDouble); });
    }
    return row;
  }

  Json result_of(const std::vector<WidthRow>& rows) const {
    constexpr int kDecimals = 4;
    Table table({"cells an axis",
                 "heads",
                 "width",
                 {"sup error off corners", kDecimals},
                 {"bound", kDecimals},
                 {"sup error", kDecimals},
                 {"mean error", kDecimals},
                 {"share of corners", kDecimals},
                 {"trained: sup error", kDecimals},
                 {"trained: mean error", kDecimals},
                 {"trained without places: mean error", kDecimals},
                 {"average of the tokens: mean error", kDecimals}});
    const bool trained = options_.steps > 0;
    std::vector<double> widths;
    for (const auto& row : rows) {
      widths.push_back(static_cast<double>(row.grid.width()));
      const auto if_trained = [&](double value) { return trained ? Cell(value) : Cell(); };
      table.add({row.grid.cells, row.grid.heads(), row.grid.width(), row.built.sup_off_corners, row.bound,
                 row.built.sup, row.built.mean, row.built.corner_share, if_trained(row.trained.sup),
                 if_trained(row.trained.mean), if_trained(row.placeless.mean), row.average.mean});
    }
    const auto series = [&](const char* name, const auto& value, bool dashed) {
      Series curve{.name = name, .x = widths, .y = {}, .markers = !dashed, .dashed = dashed};
      for (const auto& row : rows) curve.y.push_back(value(row));
      return curve;
    };
    const auto sup = series(
        "construction, sup off corners", [](const auto& r) { return r.built.sup_off_corners; }, false);
    LineChart chart{fmt::format("One layer that approximates {}", options_.function),
                    {"hidden units", Scale::log},
                    {"error", Scale::log},
                    {sup,
                     series(
                         "bound", [](const auto& r) { return r.bound; }, true),
                     series(
                         "construction, mean", [](const auto& r) { return r.built.mean; }, false)}};
    if (trained) {
      chart.series.push_back(series(
          "trained, sup", [](const auto& r) { return r.trained.sup; }, false));
      chart.series.push_back(series(
          "trained, mean", [](const auto& r) { return r.trained.mean; }, false));
      chart.series.push_back(series(
          "trained without places, mean", [](const auto& r) { return r.placeless.mean; }, false));
    }
    return {{"test", runtime::metrics_json(metrics_of(rows, widths, sup.y))},
            {"markdown", to_markdown(table) + "\n"},
            {"tables", Json::array({{{"name", "errors"}, {"rows", to_json(table)}}})},
            {"files", {{"errors.svg", to_svg(chart)}}}};
  }

  runtime::Metrics metrics_of(const std::vector<WidthRow>& rows, const std::vector<double>& widths,
                              const std::vector<double>& sup) const {
    const auto& last = rows.back();
    runtime::Metrics metrics{{"sup error off corners", last.built.sup_off_corners},
                             {"bound", last.bound},
                             {"sup error", last.built.sup},
                             {"mean error", last.built.mean}};
    if (rows.size() > 1) metrics.emplace_back("exponent of the width", exponent(widths, sup));
    if (options_.steps == 0) return metrics;
    metrics.emplace_back("trained, sup error", last.trained.sup);
    metrics.emplace_back("trained, mean error", last.trained.mean);
    metrics.emplace_back("trained without places, mean error", last.placeless.mean);
    metrics.emplace_back("average of the tokens, mean error", last.average.mean);
    return metrics;
  }
};

}  // namespace

void UniversalityOptions::check() const {
  require(std::is_sorted(cells.begin(), cells.end()), "cells must ascend");
  require(function != "wave" || n == 2, "wave has n 2, got {}", n);
  const auto grid = grid_of(*this, cells.back());
  const int64_t numbers = grid.width() * (grid.token_width() + grid.heads());
  require(
      grid.width() <= kMostUnits && numbers <= kMostNumbers,
      "{} cells along each of {} axes ask for {} hidden units, {} MB of weights (at most {} units and {} MB)",
      cells.back(), n, grid.width(), numbers * 8 / 1'000'000, kMostUnits, kMostNumbers * 8 / 1'000'000);
  double points = 1.0;
  for (int64_t axis = 0; axis < n; ++axis) points *= static_cast<double>(grid_points);
  require(points <= 1e7, "grid_points ({}) along {} axes are {} points, at most 10000000 expected",
          grid_points, n, points);
}

std::shared_ptr<const runtime::Evaluation> read_universality(const Config& cell,
                                                             const runtime::CellContext& context) {
  auto options = cell.as<UniversalityOptions>();
  if (context.seed) options.seed = *context.seed;
  return std::make_shared<Universality>(options);
}

}  // namespace arzoo::icl
