#include "shape3d/solids/solid_data.h"

#include <algorithm>
#include <filesystem>

#include "core/seeded_random.h"
#include "shape3d/data_options.h"
#include "shape3d/solids/canonical_grids.h"
#include "shape3d/solids/prism_parts.h"

namespace arzoo::shape3d {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostTestedParts = 64;
constexpr uint64_t kTestPartsSeed = 0x7465737470617274U;
constexpr std::size_t kMostNotes = 8;

bool is_one_of(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

void require_known(const Config& list, const std::string& name) {
  if (is_one_of(io::part_kinds(), name) || is_one_of(prism_kinds(), name)) return;
  std::string known;
  for (const auto* kinds : {&prism_kinds(), &io::part_kinds()}) {
    for (const auto& kind : *kinds) known += (known.empty() ? "" : ", ") + kind;
  }
  list.reject(fmt::format("no part is called \"{}\" (known: {})", name, known));
}

/// Of a prism, or of a part by the CAD kernel. Returns why it cannot be used.
std::string made_part(const std::string& name, uint64_t seed, uint64_t index, int64_t side,
                      io::BrepGraph& graph) {
  if (is_one_of(prism_kinds(), name)) {
    graph = make_prism(name, seed, index, side);
    return {};
  }
  const auto& known = io::part_kinds();
  const auto kind = std::find(known.begin(), known.end(), name) - known.begin();
  return io::cad_plugin("parts").make_part(kind, seed, index, side, graph, /*step=*/nullptr);
}

std::vector<fs::path> step_files(const fs::path& path) {
  std::vector<fs::path> files;
  std::error_code error;
  if (fs::is_regular_file(path, error)) return {path};
  for (fs::recursive_directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    if (at->is_regular_file() && io::is_step_name(at->path())) files.push_back(at->path());
  }
  if (error) fail<DataError>("{}: {}", path.string(), error.message());
  if (files.empty())
    fail<DataError>("{}: no STEP file there, expected names that end in .step or .stp", path.string());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

SolidData::SolidData(const Config& config, const io::CadLimits& limits) : limits_(limits) {
  const auto options = config.at("data").as<DataOptions>();
  const auto seed = static_cast<uint64_t>(config.json().at("seed").get<int64_t>());
  auto kinds = options.solids;
  for (const auto& kind : kinds) require_known(config.at("data").at("solids"), kind);
  if (kinds.empty() && options.path.empty()) kinds = io::part_kinds();
  std::vector<io::BrepGraph> all;
  if (!kinds.empty()) add_parts(kinds, 0, options.count, seed, all);
  if (!options.path.empty()) add_files(options.path, all);
  if (!options.test_path.empty()) {
    add_files(options.test_path, test_);
  } else if (!kinds.empty()) {
    add_parts(kinds, 0, std::min(kMostTestedParts, options.count), seed ^ kTestPartsSeed, test_);
  }
  auto engine = seeded_engine({low_word(seed), high_word(seed), 0x736f6c69U});
  const auto order = permutation(static_cast<int64_t>(all.size()), engine);
  const auto validation = static_cast<std::size_t>(options.validation * static_cast<double>(all.size()));
  for (std::size_t i = 0; i < order.size(); ++i)
    (i < validation ? val_ : train_).push_back(std::move(all[static_cast<std::size_t>(order[i])]));
  if (train_.empty()) fail<DataError>("no solid to train on");
  notes_.insert(notes_.begin(), fmt::format("{} solids to train on, {} to validate, {} to test",
                                            train_.size(), val_.size(), test_.size()));
}

const std::vector<io::BrepGraph>& SolidData::solids(runtime::Split split) const {
  return split == runtime::Split::train ? train_ : split == runtime::Split::test ? test_ : val_;
}

void SolidData::add_parts(const std::vector<std::string>& kinds, int64_t first, int64_t count, uint64_t seed,
                          std::vector<io::BrepGraph>& solids) {
  int64_t refused = 0;
  std::string why;
  for (int64_t i = 0; i < count; ++i) {
    const auto& name = kinds[static_cast<std::size_t>(i) % kinds.size()];
    io::BrepGraph graph;
    const auto error = made_part(name, seed, static_cast<uint64_t>(first + i), limits_.side, graph);
    if (!error.empty()) {
      ++refused;
      why = error;
      continue;
    }
    make_canonical(graph);
    solids.push_back(std::move(graph));
  }
  if (refused > 0)
    notes_.push_back(fmt::format("{} of {} parts cannot be used: the last one {}", refused, count, why));
}

void SolidData::add_files(const std::string& path, std::vector<io::BrepGraph>& solids) {
  const auto& plugin = io::cad_plugin(path);
  std::size_t refused = 0;
  const auto refuse = [&](const fs::path& file, const std::string& why) {
    if (++refused <= kMostNotes) notes_.push_back(fmt::format("{}: {}", file.string(), why));
  };
  for (const auto& file : step_files(path)) {
    io::CadSolids found;
    const auto error = plugin.read(file.string(), limits_, found);
    if (!error.empty()) refuse(file, error);
    for (const auto& why : found.refused) refuse(file, why);
    for (auto& graph : found.solids) {
      make_canonical(graph);
      solids.push_back(std::move(graph));
    }
  }
  if (refused > kMostNotes)
    notes_.push_back(fmt::format("{}: {} more solids or files refused", path, refused - kMostNotes));
}

}  // namespace arzoo::shape3d
