#include "speech/experiment.h"

#include <torch/torch.h>

#include "runtime/named_tensors.h"
#include "speech/speech_folder.h"

namespace arzoo::speech {
namespace {

/// Counts of what a model makes of utterances.
struct Score {
  EditCounts edits;
  int64_t utterances = 0, wrong = 0, miscounted = 0;

  void add(const std::vector<int64_t>& reference, const std::vector<int64_t>& heard) {
    const auto own = edit_counts(reference, heard);
    edits.add(own);
    ++utterances;
    wrong += own.errors() > 0 ? 1 : 0;
    miscounted += reference.size() != heard.size() ? 1 : 0;
  }
  runtime::Metrics metrics() const {
    const auto share = [](int64_t part, int64_t whole) {
      return 100.0 * static_cast<double>(part) / static_cast<double>(std::max<int64_t>(1, whole));
    };
    return {{"error_rate", share(edits.errors(), edits.tokens)},
            {"substitutions", share(edits.substitutions, edits.tokens)},
            {"deletions", share(edits.deletions, edits.tokens)},
            {"insertions", share(edits.insertions, edits.tokens)},
            {"sentence_errors", share(wrong, utterances)},
            {"count_errors", share(miscounted, utterances)}};
  }
};

}  // namespace

std::unique_ptr<SpeechData> data_of(const Config& run, const std::vector<std::string>& specials) {
  return std::make_unique<SpeechData>(run.at("data").as<DataOptions>(), specials);
}

void require_sizes(const Config& run, const SpeechModel& model, const SpeechData& data) {
  const auto front_end = run.at("data").as<DataOptions>().frontend_conf;
  if (front_end.width() != model.input_size())
    run.at("model").reject(fmt::format("input_size is {}, but the front-end makes {} numbers a frame",
                                       model.input_size(), front_end.width()));
  if (data.vocabulary().size() != model.vocabulary())
    run.at("model").reject(fmt::format("vocab_size is {}, but there are {} tokens", model.vocabulary(),
                                       data.vocabulary().size()));
}

SpeechExperiment::SpeechExperiment(const Config& run, const runtime::Compute& compute,
                                   std::shared_ptr<SpeechModel> model, std::unique_ptr<SpeechData> data)
    : config_(run),
      compute_(compute),
      evaluation_(run.at("evaluation").as<EvaluationOptions>()),
      model_(std::move(model)),
      data_(std::move(data)),
      loader_(*data_, run, compute.share) {
  require_sizes(run, *model_, *data_);
  data_->require_frames(*model_);
  model_->initialise();
  model_->to(compute.device);
}

runtime::Losses SpeechExperiment::loss(int64_t batch) {
  return model_->loss(loader_.get(batch).to(compute_.device));
}

runtime::Metrics SpeechExperiment::evaluate(runtime::Split split) {
  if (data_->size(split) == 0) return {};
  const c10::InferenceMode inference;
  model_->eval();
  Score score;
  const auto items = runtime::spread_items(data_->size(split), evaluation_.max_items);
  const auto most = static_cast<std::size_t>(evaluation_.batch_size);
  for (std::size_t first = 0; first < items.size(); first += most) {
    const std::span part(items.data() + first, std::min(most, items.size() - first));
    const auto batch = data_->batch(split, part, nullptr, evaluation_.silence).to(compute_.device);
    const auto heard = model_->recognise(batch.features, batch.lengths);
    for (std::size_t i = 0; i < part.size(); ++i) score.add(data_->label(split, part[i]), heard[i].ids);
  }
  return score.metrics();
}

void SpeechExperiment::save(const std::filesystem::path& folder) {
  save_speech_model(folder,
                    {.model = config_.json().at("model"),
                     .front_end = config_.at("data").as<DataOptions>().frontend_conf,
                     .cmvn = data_->cmvn(),
                     .longest = std::max(1.0, data_->longest())},
                    data_->vocabulary(), *model_);
}

void SpeechExperiment::load(const std::filesystem::path& folder) {
  runtime::load_strictly(*model_, runtime::open_tensors(folder), folder.string());
}

std::vector<ReportSection> SpeechExperiment::showcase() {
  const auto [split, items] = loader_.shown(evaluation_.shown);
  if (items.empty()) return {};
  const c10::InferenceMode inference;
  model_->eval();
  std::string text;
  const auto batch = data_->batch(split, items, nullptr).to(compute_.device);
  const auto heard = model_->recognise(batch.features, batch.lengths);
  for (std::size_t i = 0; i < items.size(); ++i)
    text += fmt::format("said:  {}\nheard: {}\n", data_->vocabulary().text_of(data_->label(split, items[i])),
                        data_->vocabulary().text_of(heard[i].ids));
  return {{"Recordings", {ReportText{text}}}};
}

}  // namespace arzoo::speech
