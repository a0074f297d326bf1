#pragma once

#include <vector>

#include "core/zoo.h"

/// The families and their models, as far as they can be known without torch.
namespace arzoo::plan {

/// What a family's configs hold besides the model.
struct FamilyCard {
  std::string_view name;
  std::string_view commands;  ///< those that its models serve, for `arzoo models`
  Json (*resolve_data)(const Config& data);
  Json (*resolve_evaluation)(const Config& evaluation);
  std::vector<FieldDoc> (*describe_data)();
  std::vector<FieldDoc> (*describe_evaluation)();
  std::vector<ModelCard> models;
  /// What must hold between a model and its data; throws ConfigError. May be null.
  void (*check)(const Config& model, const Config& data) = nullptr;
};

/// All families, in the order of the README's table. A new family is one entry here.
const std::vector<FamilyCard>& families();

/// The card called `name` and its family; ConfigError naming `where` and the nearest name when there is none.
struct ModelChoice {
  const FamilyCard& family;
  const ModelCard& model;
};
ModelChoice find_model(const Config& name);

}  // namespace arzoo::plan
