#include "registry/catalog.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <sstream>

#include "core/closest.h"
#include "distill/data_options.h"
#include "distill/models.h"
#include "forecast/data_options.h"
#include "forecast/loss_options.h"
#include "forecast/models.h"
#include "forecast/run_check.h"
#include "graph/data_options.h"
#include "graph/models.h"
#include "graph/run_check.h"
#include "icl/data_options.h"
#include "icl/models.h"
#include "icl/run_check.h"
#include "image/data_options.h"
#include "image/models.h"
#include "language/data_options.h"
#include "language/models.h"
#include "runtime/training_options.h"
#include "shape3d/data_options.h"
#include "shape3d/models.h"
#include "speech/data_options.h"
#include "speech/models.h"

namespace arzoo::registry {
namespace {

template <class Models, std::size_t... I>
std::vector<ModelCard> cards(std::string_view family, std::index_sequence<I...>) {
  return {model_card<std::tuple_element_t<I, Models>>(family)...};
}

template <class Options>
Json resolve(const Config& section) {
  return to_json(section.as<Options>());
}

template <class Models, class DataOptions, class EvaluationOptions,
          class TrainingOptions = runtime::TrainingOptions>
FamilyCard family(std::string_view name, std::string_view commands, void (*check)(const Config& run)) {
  return {name,
          commands,
          &resolve<DataOptions>,
          &resolve<TrainingOptions>,
          &resolve<EvaluationOptions>,
          check,
          &describe<DataOptions>,
          &describe<TrainingOptions>,
          &describe<EvaluationOptions>,
          cards<Models>(name, std::make_index_sequence<std::tuple_size_v<Models>>())};
}

void check_nothing(const Config&) {}

constexpr const char* kSampling = "sampling";

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream words{std::string(text)};
  return {std::istream_iterator<std::string>(words), {}};
}

/// Whether "sampling" of the evaluation is each model's own.
bool is_open(const FamilyCard& family) {
  for (const auto& field : family.describe_evaluation()) {
    if (field.pointer == "/sampling") return field.children.empty();
  }
  return false;
}

/// What a field means to a model, with its default.
std::string meaning_of(const FieldDoc& field) {
  const auto& value = field.default_value;
  const bool one = value.is_array() && value.size() == 1;
  const Json& shown = one ? value.front() : value;
  if (!shown.is_number() && !shown.is_string()) return field.help;
  return fmt::format("{}; {} by default", field.help,
                     shown.is_string() ? shown.get<std::string>() : dump_json(shown));
}

void add_meaning(std::vector<GenerationFlag>& flags, FieldDoc field, std::string_view model) {
  const auto key = field.pointer.substr(1), meaning = meaning_of(field);
  auto flag = std::find_if(flags.begin(), flags.end(), [&](const auto& other) { return other.key == key; });
  if (flag == flags.end()) flag = flags.insert(flags.end(), {key, std::move(field), {}});
  for (auto& [text, models] : flag->meanings) {
    if (text == meaning) {
      models.push_back(model);
      return;
    }
  }
  flag->meanings.push_back({meaning, {model}});
}

}  // namespace

const std::vector<FamilyCard>& family_cards() {
  static const std::vector<FamilyCard> all{
      family<forecast::Models, forecast::DataOptions, forecast::EvaluationOptions,
             forecast::ForecastTrainingOptions>("forecast", "train forecast bench", &forecast::check_run),
      family<image::Models, image::DataOptions, image::EvaluationOptions>("image", "train bench",
                                                                          &check_nothing),
      family<shape3d::Models, shape3d::DataOptions, shape3d::EvaluationOptions>("shape3d", "train bench",
                                                                                &check_nothing),
      family<icl::Models, icl::DataOptions, icl::EvaluationOptions>("icl", "train bench", &icl::check_run),
      family<language::Models, language::DataOptions, language::EvaluationOptions>("language", "train bench",
                                                                                   &check_nothing),
      family<speech::Models, speech::DataOptions, speech::EvaluationOptions>(
          "speech", "train transcribe bench", &check_nothing),
      family<graph::Models, graph::DataOptions, graph::EvaluationOptions>("graph", "train links bench",
                                                                          &graph::check_run),
      family<distill::Models, distill::DataOptions, distill::EvaluationOptions>("distill", "distill bench",
                                                                                &check_nothing),
  };
  return all;
}

ModelChoice find_model(const Config& name) {
  const std::string wanted = name.text();
  std::vector<std::string> known;
  for (const auto& family : family_cards()) {
    for (const auto& model : family.models) {
      if (model.name == wanted) return {family, model};
      known.emplace_back(model.name);
    }
  }
  const auto near = closest(wanted, known);
  name.reject(fmt::format("no model is called \"{}\"{}", wanted,
                          near ? fmt::format(" (did you mean \"{}\"?)", *near)
                               : fmt::format(" (known: {})", fmt::join(known, ", "))));
}

Json resolve_evaluation(const ModelChoice& choice, const Config& evaluation) {
  auto resolved = choice.family.resolve_evaluation(evaluation);
  if (!resolved.contains(kSampling) || !is_open(choice.family)) return resolved;
  const auto sampling = evaluation.section(kSampling);
  if (choice.model.resolve_generation != nullptr) {
    resolved[kSampling] = choice.model.resolve_generation(sampling);
  } else if (!sampling.json().empty()) {
    sampling.reject(fmt::format("{} generates nothing", choice.model.name));
  }
  return resolved;
}

std::vector<FieldDoc> describe_evaluation(const ModelChoice& choice) {
  auto fields = choice.family.describe_evaluation();
  if (choice.model.describe_generation == nullptr) return fields;
  for (auto& field : fields) {
    if (field.pointer != "/sampling") continue;
    field.children = choice.model.describe_generation();
    for (auto& child : field.children) child.pointer = field.pointer + child.pointer;
  }
  return fields;
}

std::vector<GenerationFlag> generation_flags(std::string_view command) {
  std::vector<GenerationFlag> flags;
  for (const auto& family : family_cards()) {
    for (const auto& model : family.models) {
      const auto own = words_of(model.generates);
      if (own.empty() || own.front() != command || model.describe_generation == nullptr) continue;
      for (auto& field : model.describe_generation()) add_meaning(flags, std::move(field), model.name);
    }
  }
  return flags;
}

std::vector<std::string> commands_of(const ModelChoice& choice) {
  auto commands = words_of(choice.family.commands);
  const auto own = words_of(choice.model.generates);
  commands.insert(commands.end() - 1, own.begin(), own.end());
  return commands;
}

void require_command(const Config& config, std::string_view command) {
  const auto name = config.at("model").at("name");
  const auto commands = commands_of(find_model(name));
  if (std::find(commands.begin(), commands.end(), command) != commands.end()) return;
  name.reject(fmt::format("{} is made by another command: arzoo {}", name.text(), commands.front()));
}

}  // namespace arzoo::registry
