#include "registry/registry.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "distill/family.h"
#include "forecast/family.h"
#include "graph/family.h"
#include "icl/family.h"
#include "image/family.h"
#include "language/family.h"
#include "nn/sparse_experts.h"
#include "registry/catalog.h"
#include "runtime/deferred_weights.h"
#include "runtime/model_folder.h"
#include "runtime/parameter_count.h"
#include "shape3d/family.h"
#include "speech/family.h"

namespace arzoo::registry {
namespace {

const runtime::ModelEntry* find_entry(std::string_view name) {
  for (const auto* family : families()) {
    for (const auto* entry : family->models) {
      if (entry->name == name) return entry;
    }
  }
  return nullptr;
}

/// The families whose cases lie in a folder of the fixture's folder's name.
std::vector<const runtime::Family*> families_of(const runtime::ParityCase& fixture) {
  const auto name = fixture.folder.parent_path().filename().string();
  std::vector<const runtime::Family*> all;
  for (const auto* family : families()) {
    const auto& own = family->fixture_folders;
    if (std::find(own.begin(), own.end(), name) != own.end()) all.push_back(family);
  }
  if (!all.empty()) return all;
  fail<CheckpointError>(
      "{}: no family is called \"{}\" (a fixture's folder lies in a folder named for its family)",
      fixture.folder.string(), name);
}

std::vector<runtime::ParityKind> kinds_of(const runtime::Family& family) {
  auto kinds = family.mechanisms;
  for (const auto* entry : family.models)
    kinds.insert(kinds.end(), entry->replays.begin(), entry->replays.end());
  return kinds;
}

}  // namespace

const std::vector<const runtime::Family*>& families() {
  static const std::vector<const runtime::Family*> all{
      &forecast::family(), &image::family(),  &shape3d::family(), &icl::family(),
      &language::family(), &speech::family(), &graph::family(),   &distill::family()};
  return all;
}

const runtime::ModelEntry& entry_of(const Config& model_section) {
  const auto choice = find_model(model_section.at("name"));
  if (const auto* entry = find_entry(choice.model.name)) return *entry;
  model_section.reject(fmt::format("{} is in the catalog but has no entry", choice.model.name));
}

const runtime::FamilyCommand& command_of(std::type_index task, const std::filesystem::path& model) {
  std::vector<std::pair<std::string_view, const runtime::FamilyCommand*>> serving;
  for (const auto* family : families()) {
    for (const auto& command : family->commands) {
      if (command.task == task) serving.emplace_back(family->name, &command);
    }
  }
  if (serving.empty()) throw std::logic_error(fmt::format("no family has a command for {}", task.name()));
  if (serving.size() == 1) return *serving.front().second;
  const auto folder = runtime::find_model_folder(model);
  const auto own = folder && folder->config.has("family") ? folder->config.text("family") : std::string();
  for (const auto& [family, command] : serving) {
    if (family == own) return *command;
  }
  return *serving.back().second;
}

ModelSize size_of(const Config& model_section) {
  const runtime::DeferredWeights unseen;  // of which only the number counts
  const auto model = entry_of(model_section).build(model_section);
  const int64_t all = runtime::count_parameters(*model).all;
  return {.parameters = all, .activated = all - nn::idle_parameters(*model)};
}

void replay(const runtime::ParityCase& fixture, runtime::ParityReport& report) {
  std::vector<std::string_view> known;
  for (const auto* family : families_of(fixture)) {
    if (family->replay != nullptr) return family->replay(fixture, report);
    const auto model = fixture.config.text("model");
    for (const auto& kind : kinds_of(*family)) {
      if (kind.model == model) return kind.replay(kind.on_cpu ? fixture.on_cpu() : fixture, report);
      known.push_back(kind.model);
    }
  }
  std::sort(known.begin(), known.end());
  fixture.config.at("model").reject(fmt::format("\"{}\" is of no known kind (expected {})",
                                                fixture.config.text("model"), fmt::join(known, ", ")));
}

std::shared_ptr<const runtime::Evaluation> read_cell(const Config& cell,
                                                     const runtime::CellContext& context) {
  auto with_generators = context;
  with_generators.generators = {&open_image_generator, &random_image_generator};
  std::vector<std::string_view> known;
  for (const auto* family : families()) {
    for (const auto& kind : family->cells) {
      if (std::any_of(kind.keys.begin(), kind.keys.end(), [&](auto key) { return cell.has(key); }))
        return kind.read(cell, with_generators);
      known.insert(known.end(), kind.keys.begin(), kind.keys.end());
    }
  }
  cell.reject(fmt::format("a cell that names nothing to measure (expected one of the keys config, {})",
                          fmt::join(known, ", ")));
}

}  // namespace arzoo::registry
