#include <torch/torch.h>

#include "forecast/any_length_forecaster.h"
#include "forecast/baselines/baseline_models.h"
#include "forecast/forecast_folder.h"
#include "forecast/forecast_location.h"
#include "forecast/forecast_model.h"
#include "forecast/zoo.h"
#include "io/time_features.h"
#include "runtime/deferred_weights.h"
#include "runtime/named_tensors.h"
#include "runtime/weights_budget.h"

/// How a ForecastModel is opened: what its folder says of data, shape and weights.
namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;

io::Frequency read_frequency(const Config& text) {
  try {
    return io::parse_frequency(text.text());
  } catch (const ConfigError& error) {
    text.reject(error.what());
  }
}

}  // namespace

ForecastModel ForecastModel::of_baseline(const std::string& name, std::unique_ptr<ZeroShotModel> baseline) {
  ForecastModel model;
  model.name_ = name;
  model.zero_shot_ = true;
  model.any_series_ = std::move(baseline);
  model.shape_.pred_len = 0;
  return model;
}

ForecastModel ForecastModel::open(const fs::path& path, const std::optional<Config>& config,
                                  const runtime::Compute& compute, std::string_view state_dict) {
  if (!config && !fs::exists(path)) {
    if (auto baseline = make_baseline(path.string())) return of_baseline(path.string(), std::move(baseline));
  }
  const auto location = locate_forecaster(path, config);
  const auto& read = location.config;
  if (read.has("ensemble")) return open_ensemble(location.weights, read, compute);
  ForecastModel opened;
  opened.compute_ = compute;
  Config model = read;
  if (read.has("family")) {
    if (read.text("family") != "forecast")
      fail<UsageError>("{}: a model of the family {}, not a forecaster", path.string(), read.text("family"));
    model = read.at("model");
    opened.shape_ = read.at("shape").as<SeriesShape>();
    opened.options_ = read.at("data").as<DataOptions>();
    read.at("variates").read(opened.variates_, {});
    opened.named_ = true;
    opened.frequency_ = read_frequency(read.at("freq"));
    const auto width = opened.shape_.enc_in;
    if (static_cast<int64_t>(opened.variates_.size()) != width) {
      read.at("variates")
          .reject(fmt::format("expected enc_in = {} names, got {}", width, opened.variates_.size()));
    }
    opened.scalers_ = read_scalers(read.at("scalers"), "enc_in", width);
    if (read.has("covariates"))
      opened.covariates_ = TrainedCovariates(read.at("covariates"), opened.shape_, opened.options_.scale);
    else if (opened.shape_.known_in > 0 || opened.shape_.static_in > 0)
      read.at("shape").reject("known_in and static_in must be 0 where there is no \"covariates\"");
    if (read.has("seen_rows")) opened.seen_rows_ = read_seen_rows(read.at("seen_rows"));
  } else {
    // The official loaders use calendar features of the frequency that the flat config names.
    const auto code = io::frequency_code(read.has("freq") ? read_frequency(read.at("freq"))
                                                          : io::Frequency{io::Frequency::Unit::hour});
    opened.options_.timeenc = !read.has("embed") || read.text("embed") == "timeF" ? 1 : 0;
    const auto marks = opened.options_.timeenc == 1 ? io::time_feature_count(code)
                                                    : io::time_code_count(io::TimeCodes::thuml, code);
    auto official = read_official_config(read, static_cast<int64_t>(marks));
    model = official.model;
    opened.shape_ = official.shape;
    opened.options_.seq_len = official.shape.seq_len;
    opened.options_.label_len = official.shape.label_len;
    opened.options_.pred_len = official.shape.pred_len;
    for (int64_t c = 0; c < official.shape.enc_in; ++c) opened.variates_.push_back(fmt::format("v{}", c));
  }
  opened.name_ = model.text("name");
  {
    const runtime::DeferredWeights until_taken;
    const runtime::WeightsBudget budget(location.weights);
    opened.model_ = build(model, opened.shape_);
    if (read.has("distribution")) {
      opened.loss_ = read.at("distribution").as<LossOptions>();
      opened.head_ =
          add_distribution_head(*opened.model_, opened.loss_, opened.shape_, read.at("distribution"));
    }
  }
  auto* any_length = dynamic_cast<AnyLengthForecaster*>(opened.model_.get());
  opened.zero_shot_ = read.has("family") ? opened.options_.scale_windows && any_length != nullptr
                                         : dynamic_cast<ZeroShotModel*>(opened.model_.get()) != nullptr;
  if (opened.zero_shot_) opened.any_series_ = std::dynamic_pointer_cast<ZeroShotModel>(opened.model_);
  if (any_length != nullptr)
    any_length->set_longest(opened.shape_.seq_len + (read.has("family") ? opened.shape_.pred_len : 0));
  auto weights = runtime::open_tensors(location.weights, state_dict);
  if (location.adapter) weights = location.adapter->merged_into(weights);
  runtime::take_strictly(*opened.model_, weights, compute.dtype, location.weights.string());
  opened.scores_ = load_forecast_scores(location.weights, opened.shape_);
  opened.model_->to(compute.device, compute.dtype);
  opened.model_->eval();
  opened.quantized_ = kernels::quantized_weights(*opened.model_, compute.quantization);
  return opened;
}

}  // namespace arzoo::forecast
