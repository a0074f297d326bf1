#include "forecast/forecast_model.h"

#include <torch/torch.h>

#include <algorithm>

#include "core/atomic_file.h"
#include "core/closest.h"
#include "forecast/zoo.h"
#include "runtime/module_state.h"
#include "runtime/safetensors.h"

namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kLargestBatch = 256;
constexpr const char* kConformalFile = "conformal.safetensors";

/// The folder or file whose weights `path` means, and the config beside it.
struct Location {
  fs::path weights, config;
};

Location locate(const fs::path& path, const std::optional<fs::path>& config) {
  if (!fs::exists(path)) fail<CheckpointError>("{}: no such file or folder (expected a run directory, a checkpoint folder or a weights file)", path.string());
  if (config) return {path, *config};
  if (!fs::is_directory(path)) fail<UsageError>("{}: a weights file needs its configuration as well (--config FILE)", path.string());
  const fs::path folder = fs::exists(path / "model" / "config.json") ? path / "model" : path;
  if (!fs::exists(folder / "config.json")) {
    fail<CheckpointError>("{}: no config.json in it (expected a run directory or a checkpoint folder; did the run save a model yet?)", path.string());
  }
  return {folder, folder / "config.json"};
}

}  // namespace

void save_forecast_model(const fs::path& folder, const Config& config, const SeriesData& data, const Forecaster& model,
                         const ConformalScores& scores) {
  Json json;
  json["family"] = "forecast";
  json["model"] = config.json().at("model");
  json["shape"] = to_json(data.shape());
  json["data"] = config.json().at("data");
  json["variates"] = data.variates();
  json["freq"] = data.frequency().to_string();
  json["scalers"] = Json::object();
  for (const auto& series : data.series()) json["scalers"][series.unique_id] = to_json(series.scaler);
  write_atomically(folder / "config.json", json.dump(2) + "\n");
  runtime::write_safetensors(folder / "model.safetensors", runtime::state_dict(model));
  if (scores.empty()) return;
  runtime::NamedTensors ranks;
  ranks.add("ranks", scores.ranks());
  runtime::write_safetensors(folder / kConformalFile, ranks);
}

ForecastModel ForecastModel::open(const fs::path& path, const std::optional<fs::path>& config, const runtime::Compute& compute) {
  const auto location = locate(path, config);
  const auto read = Config::load(location.config);
  ForecastModel opened;
  opened.compute_ = compute;
  Config model = read;
  if (read.has("family")) {
    if (read.text("family") != "forecast") fail<UsageError>("{}: a model of the family {}, not a forecaster", path.string(), read.text("family"));
    model = read.at("model");
    opened.shape_ = read.at("shape").as<SeriesShape>();
    opened.options_ = read.at("data").as<DataOptions>();
    read.at("variates").read(opened.variates_, {});
    for (const auto& [id, scaler] : read.at("scalers").json().items()) {
      opened.scalers_.emplace(id, read.at("scalers").at(id).as<StandardScaler>());
    }
  } else {
    // The official loaders use calendar features of the frequency that the flat config names.
    const auto code = read.has("freq") ? read.text("freq") : "h";
    auto official = read_official_config(read, time_feature_count(code[0]));
    model = official.model;
    opened.shape_ = official.shape;
    opened.options_.seq_len = official.shape.seq_len;
    opened.options_.label_len = official.shape.label_len;
    opened.options_.pred_len = official.shape.pred_len;
  }
  opened.name_ = model.text("name");
  opened.model_ = build(model, opened.shape_);
  runtime::load_strictly(*opened.model_, runtime::open_tensors(location.weights));
  opened.model_->to(compute.device, compute.dtype);
  opened.model_->eval();
  if (fs::exists(location.weights / kConformalFile)) {
    opened.scores_ = ConformalScores(runtime::open_tensors(location.weights / kConformalFile).at("ranks").clone());
  }
  return opened;
}

int64_t ForecastModel::parameters() const {
  int64_t count = 0;
  for (const auto& parameter : model_->parameters()) count += parameter.numel();
  return count;
}

SeriesReadOptions ForecastModel::read_options() const {
  auto read = forecast::read_options(options_);
  read.columns = options_.columns;
  return read;
}

/// One series on its way through the model.
struct ForecastModel::Input {
  StandardScaler scaler;
  std::vector<Timestamp> future;  ///< the stamps ahead
  at::Tensor values;              ///< [seq_len + what was forecast so far, C] float, scaled
  at::Tensor marks;               ///< [seq_len + horizon, M]; undefined without calendar features
};

StandardScaler ForecastModel::scaler_for(const SeriesTable& table) const {
  const auto variates = static_cast<int64_t>(table.variates.size());
  if (!options_.scale) return StandardScaler::identity(variates);
  const auto own = scalers_.find(table.unique_id);
  if (own != scalers_.end()) return own->second;
  // A model trained on one wide file has one scaler, whatever the new file is called; a series that a long file's model has not seen
  // is scaled by its own rows, as the official loader for new data does.
  if (scalers_.size() == 1) return scalers_.begin()->second;
  return StandardScaler::fit(table.values, variates, 0, static_cast<int64_t>(table.stamps.size()));
}

ForecastModel::Input ForecastModel::prepare(const SeriesTable& whole, int64_t horizon) const {
  auto options = options_;
  const auto table = select_variates(whole, options);
  for (const auto& name : table.variates) {
    if (!variates_.empty() && std::find(variates_.begin(), variates_.end(), name) == variates_.end()) {
      const auto near = closest(name, variates_);
      fail<DataError>("{}: the model was not trained on the variate \"{}\"{}; it knows {} (drop the column, or train on it)", table.source,
                      name, near ? fmt::format(" (did you mean \"{}\"?)", *near) : "", fmt::join(variates_, ", "));
    }
  }
  const auto rows = static_cast<int64_t>(table.stamps.size());
  const auto expected = variates_.empty() ? shape_.enc_in : static_cast<int64_t>(variates_.size());
  if (static_cast<int64_t>(table.variates.size()) != expected) {
    std::vector<std::string> absent;
    for (const auto& name : variates_) {
      if (std::find(table.variates.begin(), table.variates.end(), name) == table.variates.end()) absent.push_back(name);
    }
    fail<DataError>("{}: {} variates, the model expects {}{}", table.source, table.variates.size(), expected,
                    absent.empty() ? "" : fmt::format(" (missing: {})", fmt::join(absent, ", ")));
  }
  if (rows < shape_.seq_len) {
    fail<DataError>("{}: series \"{}\" has {} rows, the model needs a context of {} (seq_len)", table.source, table.unique_id, rows, shape_.seq_len);
  }
  Input input{scaler_for(table), {}, at::empty({shape_.seq_len, expected}, at::kFloat), {}};
  // The file may order its columns differently from the training data.
  for (int64_t c = 0; c < expected; ++c) {
    const auto column = variates_.empty() ? c
                                          : std::find(table.variates.begin(), table.variates.end(), variates_[c]) - table.variates.begin();
    for (int64_t t = 0; t < shape_.seq_len; ++t) {
      const double value = table.values[(rows - shape_.seq_len + t) * expected + column];
      input.values.mutable_data_ptr<float>()[t * expected + c] = input.scaler.transform(value, c);
    }
  }
  std::vector<Timestamp> stamps(table.stamps.end() - shape_.seq_len, table.stamps.end());
  for (int64_t step = 1; step <= horizon; ++step) input.future.push_back(advance(table.stamps.back(), table.frequency, step));
  stamps.insert(stamps.end(), input.future.begin(), input.future.end());
  if (shape_.marks > 0) {
    input.marks = calendar_marks(stamps, table.frequency, options_.timeenc);
    if (input.marks.size(1) != shape_.marks) {
      fail<DataError>("{}: its frequency {} has {} calendar features, the model was trained with {} (another frequency?)", table.source,
                      table.frequency.to_string(), input.marks.size(1), shape_.marks);
    }
  }
  return input;
}

/// [series, horizon, variates], scaled.
at::Tensor ForecastModel::roll(std::vector<Input>& inputs, int64_t horizon) const {
  const int64_t decoder = shape_.label_len + shape_.pred_len;
  std::vector<at::Tensor> rounds;
  for (int64_t done = 0; done < horizon; done += shape_.pred_len) {
    ForecastBatch batch;
    std::vector<at::Tensor> history, known, marks_enc, marks_dec;
    for (const auto& input : inputs) {
      const int64_t rows = input.values.size(0);
      history.push_back(input.values.narrow(0, rows - shape_.seq_len, shape_.seq_len));
      known.push_back(at::constant_pad_nd(input.values.narrow(0, rows - shape_.label_len, shape_.label_len), {0, 0, 0, shape_.pred_len}));
      if (shape_.marks == 0) continue;
      marks_enc.push_back(input.marks.narrow(0, done, shape_.seq_len));
      // The last round may look past the horizon: its surplus steps repeat the last stamp and are cut off.
      const int64_t first = done + shape_.seq_len - shape_.label_len;
      const int64_t there = std::min(decoder, input.marks.size(0) - first);
      const auto marks = input.marks.narrow(0, first, there);
      marks_dec.push_back(there == decoder ? marks : at::cat({marks, marks.narrow(0, there - 1, 1).expand({decoder - there, -1})}));
    }
    const auto to_device = [&](const std::vector<at::Tensor>& parts) { return at::stack(parts).to(compute_.device); };
    batch.x_enc = to_device(history);
    batch.x_dec = to_device(known);
    if (shape_.marks > 0) {
      batch.x_mark_enc = to_device(marks_enc);
      batch.x_mark_dec = to_device(marks_dec);
    }
    const auto out = model_->forecast(batch).to(at::kCPU, at::kFloat);
    rounds.push_back(out);
    if (done + shape_.pred_len >= horizon) break;
    if (out.size(2) != inputs[0].values.size(1)) {
      fail<UsageError>("--horizon {}: beyond {} steps the model would need forecasts of all {} variates, and it gives {}", horizon,
                       shape_.pred_len, inputs[0].values.size(1), out.size(2));
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i].values = at::cat({inputs[i].values, out[static_cast<int64_t>(i)]});
  }
  return at::cat(rounds, 1).narrow(1, 0, horizon);
}

std::vector<SeriesForecast> ForecastModel::forecast(const std::vector<SeriesTable>& tables, int64_t horizon,
                                                    const std::vector<double>& levels) const {
  c10::InferenceMode inference;
  std::vector<SeriesForecast> results;
  for (std::size_t first = 0; first < tables.size(); first += kLargestBatch) {
    const auto count = std::min<std::size_t>(kLargestBatch, tables.size() - first);
    std::vector<Input> inputs;
    for (std::size_t i = first; i < first + count; ++i) inputs.push_back(prepare(tables[i], horizon));
    const auto scaled = roll(inputs, horizon).to(at::kDouble);
    for (std::size_t i = 0; i < count; ++i) {
      const auto& table = tables[first + i];
      const auto& scaler = inputs[i].scaler;
      const auto scale = at::tensor(scaler.scale, at::kDouble), mean = at::tensor(scaler.mean, at::kDouble);
      const int64_t channels = shape_.c_out, skipped = static_cast<int64_t>(scaler.scale.size()) - channels;
      const auto variate_scale = scale.narrow(0, skipped, channels), variate_mean = mean.narrow(0, skipped, channels);
      const auto out = scaled[static_cast<int64_t>(i)];
      SeriesForecast result{table.unique_id, {}, inputs[i].future, {}, {}};
      const auto& names = variates_.empty() ? table.variates : variates_;
      result.variates.assign(names.end() - channels, names.end());
      result.mean = out.narrow(1, out.size(1) - channels, channels) * variate_scale + variate_mean;
      for (const double level : levels) {
        result.half_widths.emplace_back(level, scores_.half_width(level, horizon).to(at::kDouble) * variate_scale);
      }
      results.push_back(std::move(result));
    }
  }
  return results;
}

}  // namespace arzoo::forecast
