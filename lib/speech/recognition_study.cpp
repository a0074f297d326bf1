#include "speech/recognition_study.h"

#include <torch/torch.h>

#include <chrono>

#include "runtime/epoch_order.h"
#include "speech/audio/recording.h"
#include "speech/cassnat_model.h"
#include "speech/data_options.h"
#include "speech/edit_distance.h"
#include "speech/manifest.h"
#include "speech/paraformer_model.h"
#include "speech/speech_folder.h"

namespace arzoo::speech {
namespace {

struct StudyOptions {
  int64_t items = 0;
  double silence = 2.0;
  int64_t samples = 10;

  static void fields(auto& o, auto& field) {
    field("items", o.items, at_least(0), "test recordings, evenly spread; 0 for all");
    field("silence", o.silence, between(0, 60), "seconds of silence put behind a recording a second time");
    field("samples", o.samples, between(2, 1000), "sampled alignments (CASS-NAT)");
  }
};

/// A test recording as the model reads it.
struct Utterance {
  at::Tensor features, longer;  ///< [1, T, F]; with silence behind it
  std::vector<int64_t> label;
  double seconds = 0.0;
};

std::vector<Utterance> utterances_of(const StudyOptions& o, const Config& run, const OpenedSpeech& opened) {
  const auto data = run.at("data").as<DataOptions>();
  if (data.test.empty()) run.at("data").reject("test is empty, but the study needs test recordings");
  const auto lines = read_manifest(data.test);
  std::vector<Utterance> all;
  for (const auto item : runtime::spread_items(static_cast<int64_t>(lines.size()), o.items)) {
    const auto& line = lines[static_cast<std::size_t>(item)];
    const auto rate = static_cast<int>(opened.front_end.fs);
    const auto samples = read_all(*open_recording(line.path, rate), line.path.string(), 1U << 28U);
    const auto wave = at::tensor(samples, at::kFloat);
    const auto quiet = 1e-4 * at::randn({static_cast<int64_t>(o.silence * rate)});
    Utterance utterance{
        .features = features_of(wave, opened.front_end, opened.cmvn).unsqueeze(0),
        .longer = features_of(at::cat({wave, quiet}), opened.front_end, opened.cmvn).unsqueeze(0),
        .label = opened.vocabulary.encode(line.text),
        .seconds = static_cast<double>(samples.size()) / rate};
    all.push_back(std::move(utterance));
  }
  return all;
}

at::Tensor length_of(const at::Tensor& features) { return at::full({1}, features.size(1), at::kLong); }

/// Seconds that `work` takes.
template <class Work>
double timed(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double percent(double part, double whole) { return 100.0 * part / std::max(whole, 1e-9); }

/// Sums over utterances.
struct Sums {
  double audio = 0.0, all = 0.0, decoder = 0.0, first_pass = 0.0;
  int64_t utterances = 0, moved = 0, counted = 0;
  EditCounts edits, longer, sampled, oracle;
};

void time_decoder(Paraformer& model, const Utterance& utterance, Sums& sums) {
  const auto lengths = length_of(utterance.features);
  const auto encoded = model.encode(utterance.features, lengths);
  sums.decoder += timed([&] { model.write_tokens(encoded, lengths); });
}

void align_otherwise(CassNat& model, const Utterance& utterance, int64_t samples, Sums& sums) {
  const auto lengths = length_of(utterance.features);
  const auto sounds = model.listen(utterance.features, lengths, at::ones({1}));
  const auto greedy = greedy_alignment(sounds.ctc, sounds.mask);
  sums.counted += greedy.lengths[0].item<int64_t>() == static_cast<int64_t>(utterance.label.size()) ? 1 : 0;
  model.set_search(samples, nullptr);
  sums.sampled.add(edit_counts(utterance.label, model.recognise(utterance.features, lengths).front().ids));
  model.set_search(1, nullptr);
  const auto count = static_cast<int64_t>(utterance.label.size());
  if (count > sounds.frames[0].item<int64_t>()) return;
  const auto aligned =
      viterbi_alignment(sounds.ctc, sounds.frames, at::tensor(utterance.label, at::kLong).unsqueeze(0),
                        at::tensor({count}, at::kLong));
  sums.oracle.add(
      edit_counts(utterance.label, CassNat::ids_of(model.decode(sounds, aligned).log_probs[0], count)));
}

Json told(const Sums& sums, bool cassnat) {
  const auto rate = [](const EditCounts& edits) {
    return percent(static_cast<double>(edits.errors()), static_cast<double>(edits.tokens));
  };
  const auto count = static_cast<double>(sums.utterances);
  Json test{{"single_error_rate", rate(sums.edits)},
            {"rtf", sums.all / std::max(sums.audio, 1e-9)},
            {"silence_error_rate", rate(sums.longer)},
            {"silence_count_moved", percent(static_cast<double>(sums.moved), count)}};
  if (cassnat) {
    test["sampled_error_rate"] = rate(sums.sampled);
    test["oracle_error_rate"] = rate(sums.oracle);
    test["greedy_count_right"] = percent(static_cast<double>(sums.counted), count);
  } else {
    test["decoder_rtf"] = sums.decoder / std::max(sums.audio, 1e-9);
    test["first_pass_accuracy"] = percent(sums.first_pass, count);
  }
  return test;
}

Json run_study(const Config& options, const Config& run, const std::filesystem::path& folder,
               const std::filesystem::path&, Progress& progress) {
  const auto o = options.as<StudyOptions>();
  runtime::seed(0);
  const auto opened = open_speech_model(folder, {});
  const c10::InferenceMode inference;
  const auto utterances = utterances_of(o, run, opened);
  auto* paraformer = dynamic_cast<Paraformer*>(opened.model.get());
  auto* cassnat = dynamic_cast<CassNat*>(opened.model.get());
  Sums sums;
  progress.begin("recordings", static_cast<int64_t>(utterances.size()));
  for (const auto& utterance : utterances) {
    Heard heard, longer;
    opened.model->recognise(utterance.features, length_of(utterance.features));  // so that memory is there
    sums.all += timed(
        [&] { heard = opened.model->recognise(utterance.features, length_of(utterance.features)).front(); });
    longer = opened.model->recognise(utterance.longer, length_of(utterance.longer)).front();
    sums.audio += utterance.seconds;
    ++sums.utterances;
    sums.edits.add(edit_counts(utterance.label, heard.ids));
    sums.longer.add(edit_counts(utterance.label, longer.ids));
    const auto moved = static_cast<int64_t>(longer.ids.size()) - static_cast<int64_t>(heard.ids.size());
    sums.moved += moved > 1 || moved < -1 ? 1 : 0;
    if (paraformer != nullptr) {
      time_decoder(*paraformer, utterance, sums);
      const auto tokens = at::tensor(utterance.label, at::kLong).unsqueeze(0);
      const auto accuracy = paraformer
                                ->step({utterance.features, length_of(utterance.features), tokens,
                                        at::tensor({tokens.size(1)}, at::kLong)})
                                .accuracy;
      if (accuracy.defined()) sums.first_pass += accuracy.item<double>();
    }
    if (cassnat != nullptr) align_otherwise(*cassnat, utterance, o.samples, sums);
    progress.step();
  }
  progress.end();
  return {{"test", told(sums, cassnat != nullptr)}};
}

}  // namespace

std::optional<runtime::Study> recognition_study() {
  return runtime::Study{.resolve = [](const Config& options) { return to_json(options.as<StudyOptions>()); },
                        .run = &run_study};
}

}  // namespace arzoo::speech
