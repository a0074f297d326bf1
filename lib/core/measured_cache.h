#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace arzoo {

/// What was measured, by name.
using MeasuredNumbers = std::vector<std::pair<std::string, double>>;

/// Where numbers are kept that are measured once on a machine.
struct MeasuredCache {
  std::filesystem::path folder;  ///< is made; empty, or one that cannot be written: each call measures
  std::string file;              ///< name of the JSON file in it
  int64_t version = 1;           ///< of what is measured; a file of another one is replaced
};

/// The cached numbers of a processor, or else what `measure` gives, which is then stored beside those of
/// other processors: a home folder may be shared. Stored numbers count if each of `measure`'s names is there
/// with a rate that a processor can have; a file that is anything else is measured again and replaced.
MeasuredNumbers measured_once(const MeasuredCache& cache, const std::string& processor,
                              const std::vector<std::string>& names,
                              const std::function<MeasuredNumbers()>& measure);

}  // namespace arzoo
