#include "forecast/tuning_experiment.h"

#include <torch/torch.h>

#include <algorithm>

#include "core/atomic_file.h"
#include "core/chart.h"
#include "core/run_dir.h"
#include "forecast/data/series_sources.h"
#include "forecast/scores/quantile_levels.h"
#include "forecast/zero_shot_tables.h"
#include "forecast/zoo.h"
#include "nn/lora.h"
#include "runtime/epoch_order.h"
#include "runtime/safetensors.h"

namespace arzoo::forecast {
namespace {

constexpr int64_t kBatchesPerValidation = 100;
constexpr int64_t kChartedSeries = 4;

/// The whole series of the data, their covariates as far as they are known.
std::vector<ZeroShotSeries> series_of(const DataOptions& data, std::vector<std::string>& notes) {
  auto reading = data;
  // A missing cell is one that the model sees as such, whatever fills it in the table.
  if (reading.missing == "error") reading.missing = "interpolate";
  std::vector<std::string> filled;
  const auto tables = read_sources(reading, filled);
  if (data.missing != "error") notes.insert(notes.end(), filled.begin(), filled.end());
  std::vector<ZeroShotSeries> all;
  for (const auto& source : tables) {
    auto roles = roles_of(data);
    if (data.has_roles()) roles = resolved_roles(roles, source.table.variates, source.table.source);
    const KnownAhead nothing;
    const ZeroShotReading reads{roles, static_cast<int64_t>(source.table.rows()), data.missing == "error"};
    auto of_table = zero_shot_series(source.table, &nothing, reads);
    std::move(of_table.begin(), of_table.end(), std::back_inserter(all));
  }
  return all;
}

/// The series without their last steps.
std::vector<ZeroShotSeries> without_ends(std::vector<ZeroShotSeries> series, int64_t steps) {
  for (auto& one : series) {
    const int64_t left = std::max<int64_t>(one.targets.size(1) - steps, 0);
    one.targets = one.targets.narrow(1, 0, left);
    for (auto& covariate : one.covariates) {
      if (covariate.is_categorical())
        covariate.past_codes.resize(static_cast<std::size_t>(left));
      else
        covariate.past = covariate.past.narrow(0, 0, left);
    }
  }
  return series;
}

TuningOptions tuning_options(const Chronos2Options& model, const DataOptions& data,
                             const runtime::TrainingOptions& training, const Share& share) {
  return {data.pred_len, data.min_past.value_or(data.pred_len), share.size(training.batch_size),
          model.chronos_config.context_length};
}

/// The options with a context and a horizon of at least what is trained.
Chronos2Options with_horizon(Chronos2Options options, int64_t horizon) {
  auto& config = options.chronos_config;
  const int64_t patches = (horizon + config.output_patch_size - 1) / config.output_patch_size;
  config.max_output_patches = std::max(config.max_output_patches, patches);
  return options;
}

}  // namespace

TuningExperiment::TuningExperiment(const Config& config, const runtime::Compute& compute)
    : options_(with_horizon(model_options<Chronos2Options>(config.at("model")),
                            config.at("data").as<DataOptions>().pred_len)),
      data_(config.at("data").as<DataOptions>()),
      training_(runtime::training_options(config)),
      compute_(compute),
      seed_(config.json().at("seed").get<int64_t>()),
      evaluated_at_once_(config.at("evaluation").as<EvaluationOptions>().batch_size),
      series_(series_of(data_, notes_)),
      train_(without_ends(series_, data_.pred_len),
             tuning_options(options_, data_, training_, compute.share)),
      validation_(series_, tuning_options(options_, data_, training_, Share())),
      model_(std::dynamic_pointer_cast<Chronos2>(build(config.at("model"), options_.official_shape()))),
      loader_([this](int64_t batch) {
        auto generator = runtime::batch_generator(seed_, batch, compute_.share);
        return train_.random_batch([&](int64_t low, int64_t high) {
          return std::uniform_int_distribution<int64_t>(low, high - 1)(generator);
        });
      }) {
  model_->to(compute.device);
  notes_.push_back(fmt::format("{} series to cut at random, the last {} steps of {} validate",
                               train_.series(), data_.pred_len, validation_.series()));
  if (train_.left_out() > 0)
    notes_.push_back(fmt::format("{} series of fewer than {} steps are not trained on", train_.left_out(),
                                 data_.min_past.value_or(data_.pred_len) + 2 * data_.pred_len));
}

int64_t TuningExperiment::batches_per_epoch() const { return kBatchesPerValidation; }

TuningBatch TuningExperiment::on_device(TuningBatch batch) const {
  batch.input.output_patches = (data_.pred_len + model_->patch() - 1) / model_->patch();
  for (auto* tensor :
       {&batch.input.context, &batch.input.group_ids, &batch.input.future_covariates, &batch.target}) {
    if (tensor->defined()) *tensor = tensor->to(compute_.device);
  }
  return batch;
}

runtime::Losses TuningExperiment::loss(int64_t batch) {
  const auto windows = on_device(loader_.get(batch));
  runtime::Losses losses{model_->official_loss(windows.input, windows.target)};
  losses.samples = static_cast<double>(windows.target.size(0));
  return losses;
}

runtime::Metrics TuningExperiment::evaluate(runtime::Split split) {
  if (split != runtime::Split::val) return {};
  c10::InferenceMode inference;
  model_->eval();
  double sum = 0.0;
  int64_t rows = 0;
  for (int64_t first = 0; first < validation_.series(); first += evaluated_at_once_) {
    std::vector<std::size_t> members;
    for (int64_t i = first; i < std::min(first + evaluated_at_once_, validation_.series()); ++i)
      members.push_back(static_cast<std::size_t>(i));
    const auto windows = on_device(validation_.last_windows(members));
    const auto count = windows.target.size(0);
    sum += model_->official_loss(windows.input, windows.target).item<double>() * static_cast<double>(count);
    rows += count;
  }
  return {{"loss", sum / static_cast<double>(rows)}};
}

void TuningExperiment::save(const std::filesystem::path& folder) {
  if (training_.lora.r > 0) {
    const nn::LoraSizes sizes{training_.lora.r, training_.lora.alpha / static_cast<double>(training_.lora.r),
                              training_.lora.dropout};
    const auto base = std::filesystem::absolute(model_place(training_.init_from)).lexically_normal();
    return nn::write_lora_adapter(folder, *model_, training_.lora.target_modules, sizes, base.string());
  }
  write_atomically(folder / "config.json", dump_json(official_chronos2_config(options_), 2) + "\n");
  runtime::write_safetensors(folder / "model.safetensors", runtime::state_dict(*model_).entries(),
                             {{"format", "pt"}});
}

void TuningExperiment::load(const std::filesystem::path& folder) {
  if (training_.lora.r == 0) {
    runtime::load_strictly(*model_, runtime::open_tensors(folder), folder.string());
    return;
  }
  const auto adapter = nn::LoraAdapter::open(folder);
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : nn::lora_tensors(*model_))
    at::Tensor(tensor).copy_(adapter.tensors.at(name));
}

std::vector<ReportSection> TuningExperiment::showcase() {
  c10::InferenceMode inference;
  model_->eval();
  ReportSection section{"Forecasts"};
  const auto numbers = [](const at::Tensor& values) {
    const auto wide = values.to(at::kCPU, at::kDouble).contiguous();
    return std::vector<double>(wide.const_data_ptr<double>(), wide.const_data_ptr<double>() + wide.numel());
  };
  for (const auto i : runtime::spread_items(validation_.series(), kChartedSeries)) {
    const auto member = static_cast<std::size_t>(i);
    const auto windows = on_device(validation_.last_windows(std::span(&member, 1)));
    const auto quantiles = model_->quantiles(windows.input)[0].narrow(1, 0, data_.pred_len).t();  // [H, Q]
    const auto history = last_columns(windows.input.context, 3 * data_.pred_len)[0];
    FanChart chart;
    chart.title = fmt::format("series {}", i);
    chart.history = numbers(history);
    chart.truth = numbers(windows.target[0]);
    const auto at_level = [&](double level) {
      return numbers(interpolated_levels(quantiles, model_->levels(), {level}).squeeze(-1));
    };
    chart.forecast = at_level(0.5);
    chart.intervals.push_back({80.0, at_level(0.1), at_level(0.9)});
    for (int64_t step = 0; step < history.size(0) + data_.pred_len; ++step)
      chart.stamps.push_back(std::to_string(step));
    section.content.emplace_back(ReportSvg{to_svg(chart)});
  }
  return {section};
}

Json official_chronos2_config(const Chronos2Options& options) {
  auto config = to_json(options);
  config["architectures"] = {Chronos2Options::kArchitecture};
  config["chronos_pipeline_class"] = "Chronos2Pipeline";
  config["model_type"] = "t5";
  config["dense_act_fn"] = options.feed_forward_proj;
  config["is_gated_act"] = false;
  config["pad_token_id"] = 0;
  config["reg_token_id"] = 1;
  config["vocab_size"] = 2;
  config["torch_dtype"] = "float32";
  auto& chronos = config["chronos_config"];
  chronos["time_encoding_scale"] = options.chronos_config.time_scale();
  return config;
}

}  // namespace arzoo::forecast
