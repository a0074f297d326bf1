#include "speech/commands/transcribe_command.h"

#include <torch/torch.h>
#include <unistd.h>

#include <algorithm>

#include "core/text_output.h"
#include "runtime/parameter_count.h"
#include "speech/edit_distance.h"
#include "speech/manifest.h"
#include "speech/time_stamp_files.h"

namespace arzoo::speech {
namespace {

namespace fs = std::filesystem;

bool is_recording(const fs::path& path) {
  auto extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return extension == ".wav" || extension == ".flac";
}

/// Recordings in the order in which they are named, a folder's by name.
std::vector<ManifestLine> recordings_of(const plan::TranscribeTask& task) {
  std::vector<ManifestLine> all;
  for (const auto& input : task.inputs) {
    if (!fs::is_directory(input)) {
      all.push_back({input, {}, false});
      continue;
    }
    std::vector<fs::path> own;
    for (const auto& entry : fs::directory_iterator(input)) {
      if (is_recording(entry.path())) own.push_back(entry.path());
    }
    if (own.empty()) fail<DataError>("{}: no .wav or .flac file", input.string());
    std::sort(own.begin(), own.end());
    for (auto& path : own) all.push_back({std::move(path), {}, false});
  }
  if (task.manifest) {
    auto lines = read_manifest(*task.manifest);
    all.insert(all.end(), std::make_move_iterator(lines.begin()), std::make_move_iterator(lines.end()));
  }
  return all;
}

Json line_of(const std::string& name, const Transcript& transcript) {
  Json line{{"file", name}, {"text", transcript.text}, {"seconds", transcript.seconds}};
  Json tokens = Json::array();
  for (const auto& token : transcript.tokens)
    tokens.push_back({{"token", token.text},
                      {"begin", token.begin},
                      {"end", token.end},
                      {"confidence", token.confidence}});
  line["tokens"] = std::move(tokens);
  line["confidence"] = transcript.confidence();
  line["pieces"] = transcript.pieces;
  line["rtf"] = transcript.real_time_factor();
  return line;
}

Json told(const EditCounts& edits) {
  return {{"error_rate", 100.0 * static_cast<double>(edits.errors()) /
                             static_cast<double>(std::max<int64_t>(1, edits.tokens))},
          {"substitutions", edits.substitutions},
          {"deletions", edits.deletions},
          {"insertions", edits.insertions},
          {"reference_tokens", edits.tokens}};
}

/// Everything that a run collects and writes.
class Transcription {
 public:
  Transcription(const plan::TranscribeTask& task, const Recogniser& recogniser,
                const runtime::CommandContext& context)
      : task_(task), recogniser_(recogniser), context_(context) {
    if (task.output) out_.emplace(*task.output);
  }

  void add_file(const ManifestLine& line) {
    const auto samples = open_recording(line.path, recogniser_.rate());
    auto transcript = recogniser_.recording(*samples, task_.segment, context_.stop);
    auto json = line_of(line.path.string(), transcript);
    if (line.has_text) {
      const auto edits = compare(line.text, transcript);
      json["reference"] = line.text;
      json["errors"] = told(edits);
      edits_.add(edits);
      ++scored_;
      wrong_ += edits.errors() > 0 ? 1 : 0;
    }
    keep(line.path.string(), std::move(json), std::move(transcript));
  }

  void add_pcm() {
    const auto samples = open_pcm(STDIN_FILENO, "stdin", static_cast<int>(task_.pcm_rate),
                                  static_cast<int>(task_.pcm_channels), recogniser_.rate());
    auto whole = recogniser_.recording(*samples, task_.segment, context_.stop, [&](const Transcript& piece) {
      auto json = line_of("-", piece);
      json["begin"] = piece.begin;
      write(std::move(json));
    });
    if (whole.pieces == 0) fail<DataError>("stdin: holds no samples");
    count(whole);
    if (task_.timestamps) kept_.push_back({"stdin", std::move(whole)});
  }

  /// A recording that cannot be read does not end the others.
  void add_failure(const ManifestLine& line, const std::string& error) {
    if (failed_++ == 0) first_error_ = error;
    write({{"file", line.path.string()}, {"error", error}});
  }

  Json finish() {
    if (out_) out_->commit();
    if (task_.timestamps) write_time_stamps(*task_.timestamps, kept_);
    if (failed_ > 0 && failed_ == 1 && recordings_ == 0) fail<DataError>("{}", first_error_);
    if (failed_ > 0)
      fail<DataError>("{} of {} recordings failed, the first: {}", failed_, failed_ + recordings_,
                      first_error_);
    Json result{{"recordings", recordings_},
                {"seconds", seconds_},
                {"compute_seconds", compute_},
                {"rtf", compute_ / std::max(seconds_, 1e-9)},
                {"tokens", tokens_}};
    if (task_.output) result["output"] = task_.output->string();
    if (task_.timestamps) result["timestamps"] = task_.timestamps->string();
    if (scored_ > 0) {
      result["errors"] = told(edits_);
      result["errors"]["sentence_errors"] =
          100.0 * static_cast<double>(wrong_) / static_cast<double>(scored_);
    }
    if (!out_) result["lines"] = std::move(lines_);
    return result;
  }

 private:
  EditCounts compare(const std::string& text, const Transcript& transcript) const {
    // Units of the texts, not ids: a reference may have words that the model has no token for.
    std::vector<std::string> known;
    const auto ids_of = [&](const std::string& own) {
      std::vector<int64_t> ids;
      for (auto& unit : split_units(own, recogniser_.opened().vocabulary.units())) {
        const auto found = std::find(known.begin(), known.end(), unit);
        ids.push_back(found - known.begin());
        if (found == known.end()) known.push_back(std::move(unit));
      }
      return ids;
    };
    return edit_counts(ids_of(text), ids_of(transcript.text));
  }
  void count(const Transcript& transcript) {
    ++recordings_;
    seconds_ += transcript.seconds;
    compute_ += transcript.compute_seconds;
    tokens_ += static_cast<int64_t>(transcript.tokens.size());
  }
  void keep(const std::string& name, Json json, Transcript transcript) {
    write(std::move(json));
    count(transcript);
    if (task_.timestamps) kept_.push_back({name, std::move(transcript)});
  }
  void write(Json json) {
    if (out_) {
      out_->append(dump_json(json) + "\n");
    } else {
      lines_.push_back(std::move(json));
    }
  }

  const plan::TranscribeTask& task_;
  const Recogniser& recogniser_;
  const runtime::CommandContext& context_;
  std::optional<TextOutput> out_;
  Json lines_ = Json::array();
  std::vector<NamedTranscript> kept_;
  EditCounts edits_;
  int64_t recordings_ = 0, failed_ = 0, tokens_ = 0, scored_ = 0, wrong_ = 0;
  double seconds_ = 0.0, compute_ = 0.0;
  std::string first_error_;
};

}  // namespace

Json run_transcribe(const plan::TranscribeTask& task, const runtime::CommandContext& context) {
  const auto compute =
      runtime::select_compute(task.compute.device, task.compute.dtype, task.compute.quantize);
  runtime::set_threads(task.compute.threads);
  runtime::seed(task.compute.seed.value_or(0));
  const bool pcm = task.inputs.size() == 1 && task.inputs.front() == "-";
  const auto recordings = pcm ? std::vector<ManifestLine>{} : recordings_of(task);
  const Recogniser recogniser(task.model, compute);
  if (task.dry_run) {
    return {{"plan",
             {{"model", recogniser.opened().name},
              {"parameters", runtime::count_parameters(*recogniser.opened().model).all},
              {"tokens", recogniser.opened().vocabulary.size()},
              {"samples_per_second", recogniser.rate()},
              {"recordings", recordings.size()}}}};
  }
  Transcription transcription(task, recogniser, context);
  if (pcm) {
    transcription.add_pcm();
    return transcription.finish();
  }
  context.progress.begin("recordings", static_cast<int64_t>(recordings.size()));
  for (const auto& line : recordings) {
    if (context.stop.load()) fail<Interrupted>("interrupted");
    try {
      transcription.add_file(line);
    } catch (const DataError& error) {
      transcription.add_failure(line, error.what());
    }
    context.progress.step();
  }
  context.progress.end();
  return transcription.finish();
}

}  // namespace arzoo::speech
