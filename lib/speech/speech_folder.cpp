#include "speech/speech_folder.h"

#include <torch/torch.h>

#include "core/text_file.h"
#include "runtime/memory_budget.h"
#include "runtime/model_folder.h"
#include "runtime/named_tensors.h"
#include "speech/family.h"
#include "speech/paraformer_model.h"
#include "speech/yaml_config.h"

namespace arzoo::speech {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCmvnFile = "am.mvn";
constexpr const char* kTokensFile = "tokens.json";

const runtime::ModelEntry& entry_of(const Config& model) {
  const auto name = model.text("name");
  for (const auto* entry : family().models) {
    if (entry->name == name) return *entry;
  }
  model.at("name").reject(fmt::format("no recogniser is called \"{}\"", name));
}

void load_weights(SpeechModel& model, const runtime::NamedTensors& tensors, const fs::path& folder,
                  const runtime::Compute& compute) {
  runtime::take_strictly(model, tensors, compute.dtype, folder.string());
  model.to(compute.device);
  model.eval();
}

/// Throws unless tokens, front-end and model go together.
void require_fitting(const OpenedSpeech& opened, const fs::path& path) {
  if (opened.vocabulary.size() != opened.model->vocabulary())
    fail<CheckpointError>("{}: {} tokens, but the model writes {}", path.string(), opened.vocabulary.size(),
                          opened.model->vocabulary());
  if (opened.front_end.width() != opened.model->input_size())
    fail<CheckpointError>("{}: the front-end makes {} numbers a frame, but the model reads {}", path.string(),
                          opened.front_end.width(), opened.model->input_size());
}

OpenedSpeech open_own(const runtime::FoundFolder& found, const runtime::Compute& compute) {
  const auto section = found.config.at("model");
  const auto model = std::dynamic_pointer_cast<SpeechModel>(entry_of(section).build(section));
  const auto front_end = found.config.at("frontend_conf").as<FrontEndOptions>();
  std::string units = "words";
  if (found.config.has("tokenizer"))
    found.config.at("tokenizer").read(units, one_of({"words", "characters"}));
  OpenedSpeech opened{.model = model,
                      .front_end = front_end,
                      .cmvn = {},
                      .vocabulary = Vocabulary::open(
                          found.path / kTokensFile,
                          units == "words" ? Vocabulary::Units::words : Vocabulary::Units::characters),
                      .name = section.text("name")};
  opened.frames_behind = kFramesBehind;
  if (found.config.has("longest_seconds"))
    found.config.at("longest_seconds").read(opened.longest, between(0.5, 3600));
  if (fs::exists(found.path / kCmvnFile)) opened.cmvn = read_cmvn(found.path / kCmvnFile, front_end.width());
  require_fitting(opened, found.path);
  load_weights(*model, runtime::open_tensors(found.path), found.path, compute);
  return opened;
}

/// A file that configuration.json names, which must lie in the folder.
std::string named_file(const Config& paths, std::initializer_list<const char*> keys,
                       const std::string& otherwise) {
  auto value = paths;
  for (const char* key : keys) {
    if (!value.has(key)) return otherwise;
    value = value.at(key);
  }
  const auto name = value.text();
  if (name.empty() || fs::path(name).filename() != name)
    value.reject("expected the name of a file in the folder");
  return name;
}

OpenedSpeech open_published(const fs::path& folder, const runtime::Compute& compute) {
  const auto has_paths = fs::exists(folder / "configuration.json");
  const auto all = has_paths ? Config::load(folder / "configuration.json")
                             : Config(Json::object(), (folder / "configuration.json").string());
  const auto paths = all.section("file_path_metas");
  const auto config = load_yaml(folder / named_file(paths, {"config"}, "config.yaml"));
  if (config.text("model") != "Paraformer")
    config.at("model").reject("is not supported, expected Paraformer");
  const auto tokens = named_file(paths, {"tokenizer_conf", "token_list"},
                                 fs::exists(folder / kTokensFile) ? kTokensFile : "tokens.txt");
  auto vocabulary = Vocabulary::open(folder / tokens, Vocabulary::Units::characters);
  const auto front_end = options_among<FrontEndOptions>(config.section("frontend_conf"));
  Json own = config.json();
  own["vocab_size"] = vocabulary.size();
  own["input_size"] = front_end.width();
  const auto options = published_paraformer_options(Config(std::move(own), config.name()));
  const auto model = runtime::within_memory(config, [&] { return std::make_shared<Paraformer>(options); });
  const auto cmvn = named_file(paths, {"frontend_conf", "cmvn_file"}, kCmvnFile);
  OpenedSpeech opened{
      .model = model,
      .front_end = front_end,
      .cmvn = fs::exists(folder / cmvn) ? read_cmvn(folder / cmvn, front_end.width()) : Cmvn{},
      .vocabulary = std::move(vocabulary),
      .name = std::string(ParaformerOptions::kName)};
  require_fitting(opened, folder);
  load_weights(*model, runtime::open_tensors(folder / named_file(paths, {"init_param"}, "model.pt")), folder,
               compute);
  return opened;
}

}  // namespace

bool is_published_speech(const fs::path& path) { return fs::exists(path / "config.yaml"); }

OpenedSpeech open_speech_model(const fs::path& path, const runtime::Compute& compute) {
  if (const auto found = runtime::find_model_folder(path, "speech")) return open_own(*found, compute);
  if (is_published_speech(path) || fs::exists(path / "configuration.json"))
    return open_published(path, compute);
  fail<CheckpointError>(
      "{}: no recogniser (expected a run directory, a model folder, or a published folder with config.yaml, "
      "model.pt, am.mvn and tokens.json)",
      path.string());
}

void save_speech_model(const fs::path& folder, const SpeechFacts& facts, const Vocabulary& vocabulary,
                       const SpeechModel& model) {
  const Json config{{"family", "speech"},
                    {"model", facts.model},
                    {"frontend_conf", to_json(facts.front_end)},
                    {"tokenizer", vocabulary.units() == Vocabulary::Units::words ? "words" : "characters"},
                    {"longest_seconds", facts.longest}};
  runtime::write_model_folder(folder, config, model);
  vocabulary.save(folder / kTokensFile);
  if (facts.cmvn.shift.defined()) write_cmvn(folder / kCmvnFile, facts.cmvn);
}

}  // namespace arzoo::speech
