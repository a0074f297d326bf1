#include "forecast/experiment.h"

#include <torch/torch.h>

#include "io/date_format.h"

#include <chrono>
#include <cmath>

#include "core/chart.h"
#include "core/equal_rounds.h"
#include "forecast/data/window_scale.h"
#include "forecast/forecast_folder.h"
#include "forecast/scores/split_scores.h"
#include "forecast/zoo.h"
#include "runtime/metrics.h"
#include "runtime/named_tensors.h"
#include "runtime/process_group.h"
#include "runtime/training_options.h"

namespace arzoo::forecast {
namespace {

constexpr int64_t kMostResidualWindows = 2000;
constexpr int64_t kShownVariates = 4;
constexpr double kShownLevel = 80;
constexpr double kFarthestScore = 40.0;  // beyond it Φ is 0 or 1 in double precision

}  // namespace

ForecastExperiment::ForecastExperiment(const Config& config, const runtime::Compute& compute)
    : config_(config),
      compute_(compute),
      evaluation_(config.at("evaluation").as<EvaluationOptions>()),
      data_(read_sources(config.at("data").as<DataOptions>(), notes_), config.at("data").as<DataOptions>()),
      loss_(options_among<LossOptions>(config.at("training"))),
      model_(build(config.at("model"), data_.shape())),
      head_(add_distribution_head(*model_, loss_, data_.shape(), config.at("training"))),
      seed_(config.json().at("seed").get<int64_t>()),
      order_(data_.windows(runtime::Split::train), seed_, runtime::training_options(config).batch_size,
             compute.share),
      loader_([this](int64_t batch) { return training_batch(batch); }) {
  model_->to(compute.device);
  if (data_.options().variates_apart()) {
    notes_.push_back(fmt::format("a mixture of {} series, {} training windows", data_.series().size(),
                                 data_.windows(runtime::Split::train)));
  }
}

int64_t ForecastExperiment::batches_per_epoch() const { return order_.batches(); }

ForecastBatch ForecastExperiment::training_batch(int64_t batch) const {
  auto windows = data_.batch(runtime::Split::train, order_.batch(batch));
  scale_windows(windows, data_.options().scale_windows);
  mix_windows(windows, data_.options().mixed_windows, runtime::batch_generator(seed_, batch, compute_.share));
  return windows;
}

runtime::Losses ForecastExperiment::loss(int64_t batch) {
  const auto asked = std::chrono::steady_clock::now();
  auto windows = loader_.get(batch);
  loader_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - asked).count();
  const double samples = windows.measured.defined() ? windows.measured.sum().item<double>()
                                                    : static_cast<double>(windows.x_enc.size(0));
  windows.joint = runtime::joint_sum(compute_.group, samples);
  auto losses = training_loss(*model_, head_.get(), loss_, windows.to(compute_.device));
  losses.samples = samples;
  return losses;
}

/// The split whose windows calibrate the intervals.
runtime::Split ForecastExperiment::calibration_split() const {
  return data_.windows(runtime::Split::calibration) > 0 ? runtime::Split::calibration : runtime::Split::val;
}

runtime::Metrics ForecastExperiment::evaluate(runtime::Split split) {
  if (split == runtime::Split::test && !evaluation_.test) return {};
  c10::InferenceMode inference;
  model_->eval();
  const auto indices = runtime::spread_items(data_.windows(split), evaluation_.max_windows);
  const auto all = static_cast<int64_t>(indices.size());
  const int64_t begin = compute_.share.first(all), end = begin + compute_.share.size(all);
  const int64_t stride = std::max<int64_t>(1, all / kMostResidualWindows);
  SplitScores scores(loss_);
  std::vector<at::Tensor> residuals;
  const int64_t rounds = equal_rounds(compute_.share, all, evaluation_.batch_size);
  for (int64_t first = begin; first < begin + rounds * evaluation_.batch_size;
       first += evaluation_.batch_size) {
    const bool is_counted = first < end;
    const auto size = is_counted ? std::min(evaluation_.batch_size, end - first) : 1;
    auto batch =
        data_.batch(split, std::span(indices).subspan(is_counted ? first : 0, size)).to(compute_.device);
    const auto stats = scale_windows(batch, data_.options().scale_windows);
    const auto forecast = scored_channels(model_->forecast(batch), batch.target);
    const auto distribution = head_ ? head_->forward(batch, forecast) : Distribution();
    if (!is_counted) continue;
    scores.add(denormalise(forecast, stats), denormalise(batch.target, stats), batch.measured, distribution);
    if (split != calibration_split()) continue;
    auto residual = head_ ? distribution.scores(batch.target).clamp(-kFarthestScore, kFarthestScore)
                          : forecast - batch.target;
    if (batch.measured.defined()) residual.masked_fill_(batch.measured.logical_not(), NAN);
    for (int64_t i = (stride - first % stride) % stride; i < size; i += stride) {
      residuals.push_back(residual[i].cpu());
    }
  }
  if (compute_.group) scores.add_parts(*compute_.group);
  if (split == calibration_split()) calibrate(residuals);
  if (split == runtime::Split::val && calibration_split() != split) evaluate(calibration_split());
  return scores.metrics();
}

/// residuals: [S, c_out] each, of this process's windows.
void ForecastExperiment::calibrate(const std::vector<at::Tensor>& residuals) {
  auto all =
      residuals.empty() ? at::empty({0, data_.shape().pred_len, data_.shape().c_out}) : at::stack(residuals);
  if (compute_.group) all = compute_.group->concatenated(all);
  if (all.size(0) > 0) scores_ = ConformalScores::fit(all);
}

void ForecastExperiment::save(const std::filesystem::path& folder) {
  save_forecast_model(folder, config_, data_, *model_, scores_);
}

void ForecastExperiment::load(const std::filesystem::path& folder) {
  runtime::load_strictly(*model_, runtime::open_tensors(folder), folder.string());
  scores_ = load_forecast_scores(folder, data_.shape());
}

/// The shown interval of the first window, [S, c_out] each on the CPU; undefined where none is calibrated.
std::pair<at::Tensor, at::Tensor> ForecastExperiment::interval_of(const ForecastBatch& batch,
                                                                  const at::Tensor& point) {
  if (head_) {
    const auto distribution = head_->forward(batch, point);
    const auto at_level = [&](double level) { return distribution.quantile(level)[0].cpu(); };
    return {at_level(0.5 - kShownLevel / 200.0), at_level(0.5 + kShownLevel / 200.0)};
  }
  if (scores_.highest_level() < kShownLevel) return {};
  const auto mean = point[0].cpu(), half = scores_.half_width(kShownLevel, mean.size(0));
  return {mean - half, mean + half};
}

std::vector<ReportSection> ForecastExperiment::showcase() {
  const auto split = data_.windows(runtime::Split::test) > 0 ? runtime::Split::test : runtime::Split::train;
  const int64_t last = data_.windows(split) - 1;
  auto batch = data_.batch(split, std::span(&last, 1));
  const auto stats = scale_windows(batch, data_.options().scale_windows);
  c10::InferenceMode inference;
  model_->eval();
  const auto inputs = batch.to(compute_.device);
  const auto point = scored_channels(model_->forecast(inputs), inputs.target);
  const auto forecast = point.cpu();
  const auto shown = interval_of(inputs, point);
  const int64_t channels = batch.target.size(2), skipped = batch.x_enc.size(2) - channels;
  const auto& scaler = data_.series().back().scaler;
  ReportSection section{"Forecasts"};
  for (int64_t c = 0; c < std::min(channels, kShownVariates); ++c) {
    const auto units = [&](const at::Tensor& window) {
      const auto scaled = denormalise(window.view({1, -1, 1}), stats).flatten();
      std::vector<double> values;
      for (int64_t t = 0; t < scaled.size(0); ++t)
        values.push_back(scaler.inverse(scaled[t].item<double>(), skipped + c));
      return values;
    };
    FanChart chart;
    chart.title =
        data_.options().variates_apart() ? data_.series().back().unique_id : data_.variates()[skipped + c];
    chart.history = units(batch.x_enc[0].select(1, skipped + c));
    chart.forecast = units(forecast[0].select(1, c));
    chart.truth = units(batch.target[0].select(1, c));
    if (shown.first.defined())
      chart.intervals.push_back(
          {kShownLevel, units(shown.first.select(1, c)), units(shown.second.select(1, c))});
    for (const auto stamp : data_.stamps_of(split, last))
      chart.stamps.push_back(io::DateFormat().format(stamp));
    section.content.emplace_back(ReportSvg{to_svg(chart)});
  }
  return {section};
}

Json ForecastExperiment::reference_shape() const { return to_json(data_.shape()); }

Json ForecastExperiment::stream_request() const {
  if (data_.shape().known_in > 0 || data_.shape().static_in > 0) return nullptr;
  const auto& series = data_.series().front();
  const auto rows = data_.shape().seq_len;
  const auto values = series.values.narrow(0, 0, rows);
  Json line{{"id", 0},
            {"ds", io::DateFormat().format((*series.stamps)[static_cast<std::size_t>(rows - 1)])},
            {"values", Json::array()}};
  for (int64_t t = 0; t < rows; ++t) {
    Json row = Json::array();
    for (int64_t c = 0; c < values.size(1); ++c)
      row.push_back(series.scaler.inverse(values[t][c].item<double>(), c));
    line["values"].push_back(std::move(row));
  }
  return line;
}

}  // namespace arzoo::forecast
