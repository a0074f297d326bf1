#pragma once

#include <filesystem>
#include <memory>
#include <typeindex>
#include <vector>

#include "runtime/model_entry.h"
#include "runtime/suite_cell.h"

/// The families and, through them, every model's entry: what the commands look up. Nothing here knows a
/// model.
namespace arzoo::registry {

/// The only place that lists the families' torch sides (registry/catalog.h lists what is known without
/// torch).
const std::vector<const runtime::Family*>& families();

/// The entry of the model that a "model" section names. Throws ConfigError, with the nearest name, for a
/// model of none.
const runtime::ModelEntry& entry_of(const Config& model_section);

/// The command that is told by its task's type. Where several families have one, that of the family whose
/// model lies at `model`, else the last of them: it reads folders that are not of ours. Throws
/// std::logic_error where no family serves it, ConfigError for a folder's config.json that is none.
const runtime::FamilyCommand& command_of(std::type_index task, const std::filesystem::path& model = {});

/// How large a model with these options and its family's default data is.
struct ModelSize {
  int64_t parameters = 0;
  int64_t activated = 0;  ///< those that one token passes through; fewer where experts are sparse
};
ModelSize size_of(const Config& model_section);

/// Replays a case of official code. Throws CheckpointError for a case of no family, ConfigError for one of no
/// known kind.
void replay(const runtime::ParityCase& fixture, runtime::ParityReport& report);

/// Opens what generates images: told by config.json of a run directory or model folder, else by what the
/// entries recognise. Throws CheckpointError, ConfigError, UsageError (options that do not go with the
/// model).
std::unique_ptr<runtime::ImageGenerator> open_image_generator(const runtime::ImageSource& source,
                                                              const Json& sampling,
                                                              const runtime::Compute& compute);
/// The same with random weights (runtime::ImageModel::random).
std::unique_ptr<runtime::ImageGenerator> random_image_generator(const std::vector<Config>& models,
                                                                std::optional<int64_t> draft_steps,
                                                                const Json& sampling,
                                                                const runtime::Compute& compute,
                                                                const Json& defaults);
/// Opens what generates shapes. Throws CheckpointError, ConfigError, UsageError.
std::unique_ptr<runtime::ShapeGenerator> open_shape_generator(const std::filesystem::path& model,
                                                              const Json& sampling,
                                                              const runtime::Compute& compute);

/// Reads a cell of `bench table` that trains nothing, of whichever family its keys tell. Throws ConfigError,
/// which names those keys where a cell has none.
std::shared_ptr<const runtime::Evaluation> read_cell(const Config& cell, const runtime::CellContext& context);

}  // namespace arzoo::registry
