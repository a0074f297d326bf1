#include "forecast/sequence_experiment.h"

#include <torch/torch.h>

#include "core/chart.h"
#include "core/equal_rounds.h"
#include "forecast/forecast_model.h"
#include "forecast/zoo.h"
#include "runtime/model_folder.h"
#include "runtime/named_tensors.h"
#include "runtime/process_group.h"
#include "runtime/training_options.h"

namespace arzoo::forecast {
namespace {

constexpr int64_t kShownWindows = 4;

enum class Role { trains, validates };

/// Evenly spread over the data: with a share of 0.05 every twentieth series validates.
std::vector<int64_t> chosen_series(const Sequences& sequences, double validation, Role role) {
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < sequences.size(); ++i) {
    const auto before = static_cast<int64_t>(static_cast<double>(i) * validation),
               after = static_cast<int64_t>(static_cast<double>(i + 1) * validation);
    if ((after > before) == (role == Role::validates)) chosen.push_back(i);
  }
  return chosen;
}

SequenceScale scale_named(const std::string& name) {
  return name == "max" ? SequenceScale::max : name == "zero" ? SequenceScale::zero : SequenceScale::none;
}

SequenceWindows windows_for(const Sequences& sequences, const SequenceOptions& data, Role role) {
  return {sequences,
          chosen_series(sequences, data.validation, role),
          scale_named(data.normalisation),
          data.windows == "packed" ? SequenceCut::packed : SequenceCut::apart,
          data.max_length,
          data.stride};
}

/// How often the windows of a head of `steps` steps hold a label that counts. masks: [B, T].
double counted_labels(const at::Tensor& masks, int64_t steps) {
  const auto windows = at::arange(1, masks.size(1) + 1, masks.options()).clamp_max(steps);
  return static_cast<double>((masks * windows).sum().item<int64_t>());
}

}  // namespace

SequenceExperiment::SequenceExperiment(const Config& config, const runtime::Compute& compute)
    : data_(config.at("data").as<DataOptions>().sequences),
      options_(model_options<TimeMoeOptions>(config.at("model"))),
      compute_(compute),
      evaluation_(config.at("evaluation").as<EvaluationOptions>()),
      sequences_(open_sequences(data_.path)),
      train_(windows_for(*sequences_, data_, Role::trains)),
      validation_(windows_for(*sequences_, data_, Role::validates)),
      model_(std::dynamic_pointer_cast<TimeMoe>(build(config.at("model"), options_.official_shape()))),
      order_(train_.size(), config.json().at("seed").get<int64_t>(),
             runtime::training_options(config).batch_size, compute.share),
      loader_([this](int64_t batch) { return train_.batch(order_.batch(batch)); }) {
  if (train_.size() == 0) {
    fail<DataError>(
        "{}: {} series hold no window to train on, expected at least {}", data_.path, sequences_->size(),
        data_.windows == "packed" ? fmt::format("{} points", data_.max_length + 1) : "one of 2 points");
  }
  if (options_.input_size != 1) {
    config.at("model")
        .at("input_size")
        .reject(fmt::format("{} numbers in a point, expected 1 for univariate series", options_.input_size));
  }
  model_->to(compute.device);
  notes_.push_back(fmt::format("{} series, {} training windows of {} points, {} to validate",
                               sequences_->size(), train_.size(), data_.max_length, validation_.size()));
}

TimeMoeLoss SequenceExperiment::loss_of(const TokenBatch& batch, const runtime::JointSum& joint) {
  TimeMoeInput input;
  input.values = batch.input_ids.to(compute_.device);
  return model_->official_loss(input, batch.labels.to(compute_.device), batch.loss_masks.to(compute_.device),
                               joint);
}

runtime::Losses SequenceExperiment::loss(int64_t batch) {
  const auto tokens = loader_.get(batch);
  const auto samples = static_cast<double>(tokens.labels.size(0));
  auto losses = named_losses(loss_of(tokens, runtime::joint_sum(compute_.group, samples)), options_);
  losses.samples = samples;
  return losses;
}

runtime::Metrics SequenceExperiment::evaluate(runtime::Split split) {
  if (split == runtime::Split::test || windows_of(split).size() == 0) return {};
  c10::InferenceMode inference;
  model_->eval();
  const auto& windows = windows_of(split);
  const auto indices = runtime::spread_items(windows.size(), evaluation_.max_windows);
  const auto all = static_cast<int64_t>(indices.size());
  const int64_t begin = compute_.share.first(all), end = begin + compute_.share.size(all);
  const auto heads = options_.horizon_lengths.size();
  std::vector<double> sums(heads, 0.0), counts(heads, 0.0);
  const int64_t rounds = equal_rounds(compute_.share, all, evaluation_.batch_size);
  for (int64_t first = begin; first < begin + rounds * evaluation_.batch_size;
       first += evaluation_.batch_size) {
    const bool is_counted = first < end;
    const auto size = is_counted ? std::min(evaluation_.batch_size, end - first) : 1;
    const auto batch = windows.batch(std::span(indices).subspan(is_counted ? first : 0, size));
    const auto losses = loss_of(batch);
    if (!is_counted) continue;
    for (std::size_t head = 0; head < heads; ++head) {
      const double labels = counted_labels(batch.loss_masks, options_.horizon_lengths[head]);
      sums[head] += losses.heads[head].item<double>() * labels;
      counts[head] += labels;
    }
  }
  if (compute_.group) {
    sums = compute_.group->sum(sums);
    counts = compute_.group->sum(counts);
  }
  runtime::Metrics metrics{{"huber", 0.0}};
  for (std::size_t head = 0; head < heads; ++head) {
    const double mean = sums[head] / counts[head];
    metrics.front().second += mean / static_cast<double>(heads);
    metrics.emplace_back(fmt::format("huber_{}", options_.horizon_lengths[head]), mean);
  }
  return metrics;
}

void SequenceExperiment::save(const std::filesystem::path& folder) {
  auto config = to_json(options_);
  config["model_type"] = TimeMoeOptions::kName;
  config["architectures"] = {"TimeMoeForPrediction"};
  config["torch_dtype"] = "float32";
  runtime::write_model_folder(folder, config, *model_);
}

void SequenceExperiment::load(const std::filesystem::path& folder) {
  runtime::load_strictly(*model_, runtime::open_tensors(folder), folder.string());
}

std::vector<ReportSection> SequenceExperiment::showcase() {
  const auto& windows = validation_.size() > 0 ? validation_ : train_;
  c10::InferenceMode inference;
  model_->eval();
  ReportSection section{"Forecasts"};
  for (const auto index : runtime::spread_items(windows.size(), kShownWindows)) {
    const auto batch = windows.batch(std::span(&index, 1));
    const int64_t known = batch.loss_masks.sum().item<int64_t>() + 1,
                  horizon = std::min(options_.horizon_lengths.back(), known / 2);
    const auto points = at::cat({batch.input_ids[0].narrow(0, 0, 1), batch.labels[0]}).narrow(0, 0, known);
    const auto history = points.narrow(0, 0, known - horizon);
    const auto forecast = model_->forecast_ragged({history}, horizon, compute_.device)[0];
    const auto numbers = [](const at::Tensor& values) {
      const auto wide = values.to(at::kDouble).contiguous();
      return std::vector<double>(wide.const_data_ptr<double>(), wide.const_data_ptr<double>() + wide.numel());
    };
    FanChart chart;
    chart.title = fmt::format("series {}", windows.place(index).sequence);
    chart.history = numbers(history);
    chart.forecast = numbers(forecast);
    chart.truth = numbers(points.narrow(0, known - horizon, horizon));
    for (int64_t step = 0; step < known; ++step) chart.stamps.push_back(std::to_string(step));
    section.content.emplace_back(ReportSvg{to_svg(chart)});
  }
  return {section};
}

}  // namespace arzoo::forecast
