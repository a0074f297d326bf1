#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "commands.h"
#include "core/error.h"
#include "help_format.h"
#include "path_checks.h"
#include "plan/transcribe_task.h"
#include "result_summary.h"
#include "task_run.h"
#include "value_checks.h"

namespace arzoo::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBundledModel = "speech/digits";

/// A folder of data/ that comes with arzoo: below the working directory, beside the installed program
/// (../share/arzoo/data) or in the tree that it was built in. Nothing where it is in none of them.
std::optional<fs::path> find_bundled(const fs::path& name) {
  std::error_code unreadable;
  if (auto here = "data" / name; fs::exists(here, unreadable)) return here;
  const auto program = fs::read_symlink("/proc/self/exe", unreadable);
  if (unreadable) return std::nullopt;
  const auto folder = program.parent_path();
  // bin/arzoo of an installation, build/PRESET/arzoo of a tree.
  for (const auto& root : {folder.parent_path() / "share/arzoo", folder.parent_path().parent_path()}) {
    if (auto place = root / "data" / name; fs::exists(place, unreadable)) return place;
  }
  return std::nullopt;
}

/// The bundled recogniser where no other is named.
void complete_model(plan::TranscribeTask& task) {
  if (!task.model.empty()) return;
  const auto bundled = find_bundled(kBundledModel);
  if (!bundled)
    fail<UsageError>(
        "transcribe: --model is required: the bundled recogniser of digits, data/{}, is not there",
        kBundledModel);
  task.model = *bundled;
}

void check(const plan::TranscribeTask& task) {
  require_checkpoint(task.model, "transcribe: --model");
  const bool pcm = std::find(task.inputs.begin(), task.inputs.end(), "-") != task.inputs.end();
  if (task.inputs.empty() && !task.manifest)
    fail<UsageError>("transcribe: a recording or --manifest is required");
  if (pcm && (task.inputs.size() > 1 || task.manifest))
    fail<UsageError>("transcribe: --input -: standard input is the only recording");
  std::vector<fs::path> read;
  for (const auto& input : task.inputs) {
    if (input == "-" || fs::is_directory(input)) continue;
    require_input_file(input, "transcribe: --input");
    read.push_back(input);
  }
  if (task.manifest) {
    require_input_file(*task.manifest, "transcribe: --manifest");
    read.push_back(*task.manifest);
  }
  if (task.output && *task.output != "-") require_output_file(*task.output, read, "transcribe: --output");
  if (!task.timestamps) return;
  const auto extension = task.timestamps->extension();
  if (extension != ".tsv" && extension != ".srt" && extension != ".TextGrid")
    fail<UsageError>("transcribe: --timestamps: {}: expected a name that ends in .tsv, .srt or .TextGrid",
                     task.timestamps->string());
  require_output_file(*task.timestamps, read, "transcribe: --timestamps");
}

void add_stream_options(CLI::App& command, plan::TranscribeTask& task) {
  command
      .add_option("--segment", task.segment,
                  "most seconds that are recognised at once: longer recordings are cut where it is quietest; "
                  "the longest training recording by default, 20 for a published folder")
      ->type_name("SECONDS")
      ->check(real_number(0.5, 3600));
  command.add_option("--pcm-rate", task.pcm_rate, "samples a second of --input -, 16000 by default")
      ->type_name("N")
      ->check(whole_number(1000, 768000));
  command.add_option("--pcm-channels", task.pcm_channels, "channels of --input -, 1 by default")
      ->type_name("N")
      ->check(whole_number(1, 64));
}

}  // namespace

void add_transcribe_command(CLI::App& root, Invocation& invocation) {
  auto* command = root.add_subcommand("transcribe", "Write down what is said in recordings.");
  command->formatter(std::make_shared<HelpFormat>("RECORDING... [--model MODEL]"));
  auto task = std::make_shared<plan::TranscribeTask>();
  auto recordings = std::make_shared<std::vector<fs::path>>();
  command->add_option("RECORDING", *recordings, "what --input says; any number of them")->type_name("PATH");
  command
      ->add_option(
          "--model", task->model,
          "run directory or model folder of a recogniser, or a published FunASR folder (config.yaml, "
          "model.pt, am.mvn, tokens.json); by default the bundled one, which knows English digits alone")
      ->type_name("MODEL");
  command
      ->add_option(
          "--input", task->inputs,
          "WAV or FLAC file of any rate and number of channels, or a folder of such files; repeatable; "
          "-: 16-bit little-endian PCM from standard input")
      ->type_name("PATH")
      ->allow_extra_args(false);
  command
      ->add_option("--manifest", task->manifest,
                   "lines of a path, a tab and what is said: errors are counted; the text may be missing")
      ->type_name("PATH");
  command
      ->add_option(
          "--output", task->output,
          "NAME.jsonl[.gz], a JSON object for each recording: text, tokens with times and confidence, "
          "real-time factor; - for standard output, as they come; the texts alone by default")
      ->type_name("PATH");
  command
      ->add_option("--timestamps", task->timestamps,
                   "when each token is said: NAME.tsv; of one recording also NAME.srt or NAME.TextGrid")
      ->type_name("PATH");
  add_stream_options(*command, *task);
  add_shared_options(*command, invocation);
  add_inference_options(*command, invocation);
  command->footer("example:\n  arzoo transcribe data/speech/recorded_digits.wav");
  on_chosen(*command, invocation, [task, recordings, &invocation] {
    task->inputs.insert(task->inputs.begin(), recordings->begin(), recordings->end());
    complete_model(*task);
    task->compute = invocation.compute;
    task->dry_run = invocation.dry_run;
    check(*task);
    return run_task(invocation, &plan::TaskTable::transcribe, *task,
                    task->dry_run ? plan_summary : transcribe_summary);
  });
}

}  // namespace arzoo::cli
