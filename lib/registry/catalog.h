#pragma once

#include <vector>

#include "core/zoo.h"

/// The families and their models, as far as they can be known without torch.
namespace arzoo::registry {

/// What a family's configs hold besides the model.
struct FamilyCard {
  std::string_view name;
  std::string_view commands;  ///< those that all of its models serve
  Json (*resolve_data)(const Config& data);
  Json (*resolve_training)(const Config& training);
  Json (*resolve_evaluation)(const Config& evaluation);
  void (*check)(const Config& run);  ///< of what must hold between the resolved sections; ConfigError
  std::vector<FieldDoc> (*describe_data)();
  std::vector<FieldDoc> (*describe_training)();  ///< the loop's settings, and the family's own
  std::vector<FieldDoc> (*describe_evaluation)();
  std::vector<ModelCard> models;
};

/// All families, in the order of the README's table. A new family is one entry here.
const std::vector<FamilyCard>& family_cards();

/// The card called `name` and its family; ConfigError naming `where` and the nearest name when there is none.
struct ModelChoice {
  const FamilyCard& family;
  const ModelCard& model;
};
ModelChoice find_model(const Config& name);

/// The "evaluation" section of a config of this model: strict, every value in force; "sampling" by the
/// model's own options of generation.
Json resolve_evaluation(const ModelChoice& choice, const Config& evaluation);
/// Its fields.
std::vector<FieldDoc> describe_evaluation(const ModelChoice& choice);

/// One option of generation of the models that a command generates with.
struct GenerationFlag {
  std::string key;
  FieldDoc field;  ///< of the first model that has it
  std::vector<std::pair<std::string, std::vector<std::string_view>>> meanings;  ///< help, and whose it is
};
/// All of them, in the models' order. command: "generate-image", …
std::vector<GenerationFlag> generation_flags(std::string_view command);

/// The commands that serve a model: its family's and its own, as generate-image or score.
std::vector<std::string> commands_of(const ModelChoice& choice);
/// Throws ConfigError unless the model of a config is made by `command`: train, distill.
void require_command(const Config& config, std::string_view command);

}  // namespace arzoo::registry
