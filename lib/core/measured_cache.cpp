#include "core/measured_cache.h"

#include <optional>

#include "core/atomic_file.h"
#include "core/config.h"

namespace arzoo {
namespace {

namespace fs = std::filesystem;

constexpr double kFastest = 1e9;  // GFLOP/s that no processor has

/// All processors that share the cache, as in a home folder on a network.
Json cached_processors(const fs::path& file, int64_t version) {
  std::error_code none;
  if (!fs::is_regular_file(file, none)) return Json::object();
  try {
    const auto config = Config::load(file);
    const auto& stored = config.json();
    if (stored.is_object() && stored.value("version", Json()) == version && stored.contains("processors") &&
        stored["processors"].is_object())
      return stored["processors"];
  } catch (const Error&) {
    return Json::object();  // measured again
  }
  return Json::object();
}

std::optional<MeasuredNumbers> rates_in(const Json& processors, const std::string& processor,
                                        const std::vector<std::string>& names) {
  if (!processors.contains(processor) || !processors[processor].is_object()) return std::nullopt;
  const auto& entry = processors[processor];
  MeasuredNumbers numbers;
  for (const auto& name : names) {
    if (!entry.contains(name) || !entry[name].is_number()) return std::nullopt;
    const double value = entry[name].get<double>();
    if (!(value > 0.0 && value < kFastest)) return std::nullopt;
    numbers.emplace_back(name, value);
  }
  return numbers;
}

void write_cache(const fs::path& folder, const fs::path& file, const Json& json) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) return;
  try {
    write_atomically(file, dump_json(json, 2) + "\n");
  } catch (const Error&) {
    return;  // measured again the next time
  }
}

}  // namespace

MeasuredNumbers measured_once(const MeasuredCache& cache, const std::string& processor,
                              const std::vector<std::string>& names,
                              const std::function<MeasuredNumbers()>& measure) {
  if (cache.folder.empty()) return measure();
  const auto file = cache.folder / cache.file;
  auto processors = cached_processors(file, cache.version);
  if (auto known = rates_in(processors, processor, names)) return *known;
  auto numbers = measure();
  auto& entry = processors[processor] = Json::object();
  for (const auto& [name, value] : numbers) entry[name] = value;
  write_cache(cache.folder, file, {{"version", cache.version}, {"processors", processors}});
  return numbers;
}

}  // namespace arzoo
