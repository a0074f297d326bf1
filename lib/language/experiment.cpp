#include "language/experiment.h"

#include <torch/torch.h>

#include <cmath>
#include <numbers>

#include "language/text_folder.h"
#include "runtime/named_tensors.h"

namespace arzoo::language {
namespace {

DataOptions data_of(const Config& run) { return run.at("data").as<DataOptions>(); }

/// Throws ConfigError for a model that this tokenizer and these rows do not fit.
std::shared_ptr<LanguageModel> fitting(std::shared_ptr<LanguageModel> model, const io::Tokenizer& tokenizer,
                                       const Config& run) {
  const auto data = data_of(run);
  if (tokenizer.size() > model->vocabulary()) {
    run.at("model").reject(
        fmt::format("vocab_size is {}, but the tokenizer has {} ids", model->vocabulary(), tokenizer.size()));
  }
  if (model->longest() > 0 && data.context > model->longest()) {
    run.at("data").reject(
        fmt::format("context is {}, but the model reads at most {} tokens", data.context, model->longest()));
  }
  if (data.context % model->granularity() != 0) {
    run.at("data").reject(
        fmt::format("context ({}) must be a multiple of {}", data.context, model->granularity()));
  }
  return model;
}

int64_t steps_of(const runtime::TrainingOptions& training, int64_t batches) {
  const int64_t all = training.epochs * std::max<int64_t>(1, batches / training.accumulation_steps);
  return training.max_steps ? std::min(*training.max_steps, all) : all;
}

}  // namespace

LanguageExperiment::LanguageExperiment(const Config& run, const runtime::Compute& compute,
                                       std::shared_ptr<LanguageModel> model)
    : config_(run),
      compute_(compute),
      evaluation_(run.at("evaluation").as<EvaluationOptions>()),
      tokenizer_(io::open_tokenizer(data_of(run).tokenizer)),
      text_(data_of(run), *tokenizer_, model->start()),
      order_(text_.rows(runtime::Split::train), run.json().at("seed").get<int64_t>(),
             runtime::training_options(run).batch_size, compute.share),
      steps_(steps_of(runtime::training_options(run), order_.batches())),
      accumulation_(runtime::training_options(run).accumulation_steps) {
  model_ = fitting(std::move(model), *tokenizer_, run);
  model_->initialise();
  model_->to(compute.device);
}

void LanguageExperiment::prepare(int64_t batch) { model_->prepare({batch / accumulation_, steps_}); }

runtime::Losses LanguageExperiment::loss(int64_t batch) {
  const auto indices = order_.batch(batch);
  auto losses =
      model_->loss(text_.batch(runtime::Split::train, {indices.data(), indices.size()}).to(compute_.device));
  losses.samples = static_cast<double>(indices.size());
  return losses;
}

runtime::Metrics LanguageExperiment::evaluate(runtime::Split split) {
  if (text_.rows(split) == 0) return {};
  const c10::InferenceMode inference;
  model_->eval();
  const auto rows = runtime::spread_items(text_.rows(split), evaluation_.max_rows);
  double nats = 0.0;
  int64_t tokens = 0, bytes = 0;
  for (std::size_t begin = 0; begin < rows.size(); begin += evaluation_.batch_size) {
    const auto size = std::min<std::size_t>(evaluation_.batch_size, rows.size() - begin);
    const auto batch = text_.batch(split, {rows.data() + begin, size});
    const auto losses = model_->token_losses(batch.to(compute_.device));
    const auto targets = batch.narrow(1, 1, batch.size(1) - 1);
    const auto counts = losses.counts.defined() ? losses.counts.cpu() : at::ones_like(targets, at::kBool);
    nats += losses.nats.cpu().to(at::kDouble).masked_select(counts).sum().item<double>();
    tokens += counts.sum().item<int64_t>();
    bytes += text_.bytes().index_select(0, targets.masked_select(counts)).sum().item<int64_t>();
  }
  const double mean = nats / static_cast<double>(tokens);
  return {{"nats", mean},
          {"perplexity", std::exp(mean)},
          {"bits_per_byte", nats / (std::numbers::ln2 * static_cast<double>(bytes))}};
}

Json LanguageExperiment::reference_shape() const { return {{"context", data_of(config_).context}}; }

void LanguageExperiment::save(const std::filesystem::path& folder) {
  save_text_model(folder, config_, *model_);
}

void LanguageExperiment::load(const std::filesystem::path& folder) {
  runtime::load_strictly(*model_, runtime::open_tensors(folder), folder.string());
}

std::vector<ReportSection> LanguageExperiment::showcase() {
  if (evaluation_.tokens == 0 || !model_->writes()) return {};
  const c10::InferenceMode inference;
  model_->eval();
  auto ids = tokenizer_->encode(evaluation_.prompt);
  if (model_->start()) ids.insert(ids.begin(), *model_->start());
  int64_t steps = evaluation_.tokens;
  if (model_->longest() > 0) steps = std::min(steps, model_->longest() - static_cast<int64_t>(ids.size()));
  if (ids.empty() || steps <= 0) return {};
  nn::DecodingRules rules{.known = tokenizer_->size()};
  rules.sampling.temperature = 0.8;
  if (const auto end = tokenizer_->end()) rules.ends = {*end};
  nn::SeededRandomInputs random_inputs({0});
  const auto prompt = at::tensor(ids, at::kLong).unsqueeze(0).to(compute_.device);
  const auto stream = model_->stream(prompt.size(1) + steps);
  const auto all = nn::decode_tokens(*stream, prompt, steps, rules, random_inputs)[0];
  const std::vector<int64_t> text(all.data_ptr<int64_t>(), all.data_ptr<int64_t>() + all.numel());
  return {{"Text", {ReportText{tokenizer_->decode(text)}}}};
}

}  // namespace arzoo::language
