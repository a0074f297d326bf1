#pragma once

#include <torch/nn/module.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/progress.h"
#include "runtime/experiment.h"
#include "runtime/family_command.h"
#include "runtime/image_generator.h"
#include "runtime/parity.h"
#include "runtime/shape_generator.h"
#include "runtime/speed_work.h"
#include "runtime/suite_cell.h"

/// One entry per model: all that the program does with it. Commands know entries, never a model's name.
namespace arzoo::runtime {

/// How a trained model is analysed for a cell of `bench table` ("study").
struct Study {
  /// Every option in force; ConfigError.
  Json (*resolve)(const Config& options);
  /// run: resolved config of the training; model: folder of the saved model; out: for tables and charts.
  /// Returns {"test": {name: number}, "markdown": text, "tables": [{"name", "rows"}], "charts": [file in
  /// out]}.
  Json (*run)(const Config& options, const Config& run, const std::filesystem::path& model,
              const std::filesystem::path& out, Progress& progress);
};

/// Cases of official code, told by "model" in their config.json.
struct ParityKind {
  std::string_view model;
  void (*replay)(const ParityCase& fixture, ParityReport& report);
  bool on_cpu = false;  ///< whatever the device: data, meshes, baselines
};

/// How training must keep a model's weights.
struct WeightNeeds {
  bool whole = false;  ///< by every process: it looks at them in other ways than through operators
  bool fp32 = false;   ///< parts of it compute in fp32 whatever the rest does
};

/// What the program does with one model. A model's source defines entry<Options>(); what is left empty, the
/// model does not have.
struct ModelEntry {
  std::string_view name;  ///< Options::kName
  /// A model with the options of a "model" section and the family's default data. Throws ConfigError.
  std::shared_ptr<torch::nn::Module> (*build)(const Config& model);
  /// Of a resolved config. Throws ConfigError, DataError, CheckpointError.
  std::unique_ptr<Experiment> (*experiment)(const Config& run, const Compute& compute);
  ImageModel images = {};
  ShapeModel shapes = nullptr;
  SpeedWorkMaker speed_work = nullptr;  ///< beside the training step, which every model has
  std::optional<Study> study = std::nullopt;
  std::vector<ParityKind> replays = {};
  WeightNeeds weights = {};
};

/// The common `experiment`.
template <class OfModel>
std::unique_ptr<Experiment> make_experiment(const Config& run, const Compute& compute) {
  return std::make_unique<OfModel>(run, compute);
}

/// Each model's source defines its specialisation: a model that stands in its family's models.h and has no
/// entry fails the build.
template <class Options>
const ModelEntry& entry();

/// The entries of a family's models.h.
template <class Models>
std::vector<const ModelEntry*> entries_of() {
  return std::apply(
      [](const auto&... options) {
        return std::vector<const ModelEntry*>{&entry<std::decay_t<decltype(options)>>()...};
      },
      Models());
}

/// A family, as the commands see it; the torch side of plan/catalog.h.
struct Family {
  std::string_view name;  ///< as in registry::family_cards()
  std::vector<const ModelEntry*> models;
  std::vector<std::string_view> fixture_folders;  ///< names of the folders that its cases lie in
  std::vector<ParityKind> mechanisms = {};        ///< cases of what no single model owns
  /// Replays cases that have another form than a "model" key; null where all have one.
  void (*replay)(const ParityCase& fixture, ParityReport& report) = nullptr;
  std::vector<CellKind> cells = {};          ///< of `bench table`, that train nothing
  std::vector<FamilyCommand> commands = {};  ///< those that no other family serves
  /// What `inspect` shows of a model folder besides its tensors, by key, from its config.json; an empty
  /// object of another family's. Throws ConfigError.
  Json (*describe_folder)(const Config& model) = nullptr;
  WeightNeeds weights = {};  ///< of all its models
};

}  // namespace arzoo::runtime
