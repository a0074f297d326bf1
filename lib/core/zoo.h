#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/config.h"

namespace arzoo {

/// The models from outside of this tree (-DARZOO_MODELS=FOLDER) of a family that the folder says nothing of.
/// A folder's models.h declares a type of this name in the namespace of each family that it adds to.
using OutsideModels = std::tuple<>;

/// What is known of a model without building it; enough to check a config, print help and write a JSON
/// Schema.
struct ModelCard {
  std::string_view name, family, paper;
  Json (*resolve)(const Config& model);  ///< strict; returns every option in force, "name" first
  std::vector<FieldDoc> (*describe)();
  /// The commands that serve it besides its family's, separated by blanks, by Options::kGenerates: first the
  /// one that generates with it.
  std::string_view generates = {};
  /// Its options of generation, by Options::Generation; null where it has none.
  std::vector<FieldDoc> (*describe_generation)() = nullptr;
  Json (*resolve_generation)(const Config& sampling) = nullptr;  ///< strict; every option in force
};

/// The options of a "model" section: the section without its "name".
template <class Options>
Options model_options(const Config& model) {
  Json options = model.json();
  options.erase("name");
  return Config(std::move(options), model.name(), model.pointer()).as<Options>();
}

template <class Options>
ModelCard model_card(std::string_view family) {
  const auto resolve = [](const Config& model) {
    Json resolved;
    resolved["name"] = Options::kName;
    resolved.update(to_json(model_options<Options>(model)));
    return resolved;
  };
  ModelCard card{Options::kName, family, Options::kPaper, resolve, &describe<Options>};
  if constexpr (requires { Options::kGenerates; }) card.generates = Options::kGenerates;
  if constexpr (requires { typename Options::Generation; }) {
    card.describe_generation = &describe<typename Options::Generation>;
    card.resolve_generation = [](const Config& sampling) {
      return to_json(sampling.as<typename Options::Generation>());
    };
  }
  return card;
}

}  // namespace arzoo
